"""Pages of assignments and how they are carried out. Each collection stands under its REST name."""

from django.urls import path

from licensing.assignments.pages import assignment_batches, assignment_jobs, assignments, auto_registration, mixed_mode

urlpatterns = [
    path("clusters/<int:pk>/mixed-mode/", mixed_mode.cluster_mixed_mode, name="cluster-mixed-mode"),
    path("clusters/<int:pk>/assign/", assignments.cluster_assign, name="cluster-assign"),
    path("virtual-accounts/<int:pk>/assign/", assignments.virtual_account_assign, name="virtual-account-assign"),
    path("assignments/", assignments.assignments, name="assignments"),
    path("assignments/<int:pk>/", assignments.assignment, name="assignment"),
    path("assignments/<int:pk>/end/", assignments.assignment_end, name="assignment-end"),
    path("assignments/<int:pk>/reassign/", assignments.assignment_reassign, name="assignment-reassign"),
    path("assignment-jobs/", assignment_jobs.assignment_jobs, name="assignment-jobs"),
    path("assignment-jobs/<int:pk>/", assignment_jobs.assignment_job, name="assignment-job"),
    path("assignment-jobs/<int:pk>/confirm/", assignment_jobs.assignment_job_confirm, name="assignment-job-confirm"),
    path("assignment-jobs/<int:pk>/fail/", assignment_jobs.assignment_job_fail, name="assignment-job-fail"),
    path("assignment-jobs/<int:pk>/retry/", assignment_jobs.assignment_job_retry, name="assignment-job-retry"),
    path("assignment-jobs/<int:pk>/cancel/", assignment_jobs.assignment_job_cancel, name="assignment-job-cancel"),
    path("assignment-batches/", assignment_batches.assignment_batches, name="assignment-batches"),
    path("assignment-batches/add/", assignment_batches.assignment_batch_add, name="assignment-batch-add"),
    path("assignment-batches/<int:pk>/", assignment_batches.assignment_batch, name="assignment-batch"),
    path("assignment-batches/<int:pk>/plan/", assignment_batches.assignment_batch_plan, name="assignment-batch-plan"),
    path(
        "assignment-batches/<int:pk>/order/",
        assignment_batches.assignment_batch_order,
        name="assignment-batch-order",
    ),
    path(
        "assignment-batches/<int:pk>/approve/",
        assignment_batches.assignment_batch_approve,
        name="assignment-batch-approve",
    ),
    path(
        "assignment-batches/<int:pk>/cancel/",
        assignment_batches.assignment_batch_cancel,
        name="assignment-batch-cancel",
    ),
    path("auto-registration/", auto_registration.auto_registration, name="auto-registration"),
    path("auto-registration/<int:pk>/", auto_registration.auto_registration_of, name="auto-registration-of"),
    path("auto-registration/<int:pk>/off/", auto_registration.auto_registration_off, name="auto-registration-off"),
]
