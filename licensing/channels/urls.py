"""Pages of channels, deliveries and the calendar. Each collection stands under its REST name."""

from django.urls import path

from licensing.channels.pages import calendar, channels, unsubscribing

urlpatterns = [
    path("channels/", channels.channels, name="channels"),
    path("channels/add/", channels.channel_add, name="channel-add"),
    path("channels/unsubscribe/<str:signed>/", unsubscribing.unsubscribe, name="unsubscribe"),
    path("channels/<int:pk>/", channels.channel, name="channel"),
    path("channels/<int:pk>/edit/", channels.channel_edit, name="channel-edit"),
    path("channels/<int:pk>/test/", channels.channel_test, name="channel-test"),
    path("channels/<int:pk>/secret/", channels.channel_secret, name="channel-secret"),
    path("channels/<int:pk>/delete/", channels.channel_delete, name="channel-delete"),
    path("deliveries/", channels.deliveries, name="deliveries"),
    path("deliveries/<int:pk>/", channels.delivery, name="delivery"),
    path("deliveries/<int:pk>/send-again/", channels.delivery_send_again, name="delivery-send-again"),
    path("calendar/", calendar.calendar, name="calendar"),
    path("calendar/<str:secret>.ics", calendar.calendar_feed, name="calendar-feed"),
]
