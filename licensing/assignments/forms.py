"""Forms for assignments, the steps of their jobs, and batches."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.db.models import QuerySet

from kit.forms.fields import ClusterField, PoolField
from licensing.assignments.models import AssignmentBatch, AutoRegistration
from licensing.fleet.models import Cluster
from licensing.mirror.models import VirtualAccount

WHY_SHORT = "Only where licenses will be short: why it goes on nevertheless. It is kept with the assignment."


def override_field() -> forms.CharField:
    return forms.CharField(
        max_length=2000,
        required=False,
        label="Reason to go on",
        help_text=WHY_SHORT,
        widget=forms.Textarea(attrs={"rows": 2}),
    )


class AssignClusterForm(forms.Form):
    """From the cluster's page, or to move it: into which pool."""

    def __init__(self, pools: QuerySet[VirtualAccount], *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["virtual_account"] = PoolField(queryset=pools, label="Virtual account")
        self.fields["override_reason"] = override_field()


class AssignPoolForm(forms.Form):
    """From the virtual account's page: which cluster."""

    def __init__(self, clusters: QuerySet[Cluster], *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["cluster"] = ClusterField(queryset=clusters)
        self.fields["override_reason"] = override_field()


class RunSheetForm(forms.Form):
    """One tick for each line of the run sheet; `stage` is the one that the person was looking at."""

    stage = forms.CharField(widget=forms.HiddenInput, max_length=20)

    def __init__(self, stage: str, instructions: Sequence[str], *args: Any, **options: Any) -> None:
        super().__init__(*args, **{"initial": {"stage": stage}, **options})
        for place, line in enumerate(instructions, 1):
            self.fields[f"step-{place}"] = forms.BooleanField(
                label=line, error_messages={"required": "Tick this step when it is done."}
            )


class FailureForm(forms.Form):
    stage = forms.CharField(widget=forms.HiddenInput, max_length=20)
    cause = forms.CharField(
        max_length=2000, label="What went wrong", widget=forms.Textarea(attrs={"rows": 2}), strip=True
    )

    def __init__(self, stage: str, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{"initial": {"stage": stage}, **options})


class MomentInput(forms.DateTimeInput):
    """The browser's own picker; times are those of the page."""

    input_type = "datetime-local"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%dT%H:%M")


class BatchForm(forms.ModelForm):
    class Meta:
        model = AssignmentBatch
        fields = [
            "name",
            "kind",
            "virtual_account",
            "window_start",
            "window_end",
            "at_once",
            "stop_on_error",
            "needs_approval",
            "override_reason",
        ]
        labels = {
            "kind": "What to do",
            "window_start": "Window opens",
            "window_end": "Window closes",
            "at_once": "At the same time",
            "stop_on_error": "Stop at the first error",
            "needs_approval": "Another person has to approve it",
            "override_reason": "Reason to go on",
        }
        help_texts = {
            "virtual_account": "Where they go; or, to unassign, where they are.",
            "window_start": "Nothing starts before. Times are UTC unless the portal is set to another zone.",
            "window_end": "Nothing starts after; what has begun goes on.",
            "at_once": "How many clusters may be under way together.",
            "needs_approval": "",
            "override_reason": WHY_SHORT,
        }
        widgets = {"override_reason": forms.Textarea(attrs={"rows": 2})}

    def __init__(
        self, clusters: QuerySet[Cluster], pools: QuerySet[VirtualAccount], *args: Any, **options: Any
    ) -> None:
        super().__init__(*args, **options)
        self.fields["virtual_account"] = PoolField(
            queryset=pools, label="Virtual account", help_text=self.Meta.help_texts["virtual_account"]
        )
        for name in ("window_start", "window_end"):
            self.fields[name].widget = MomentInput()
        self.fields["clusters"] = ClustersField(queryset=clusters, widget=forms.CheckboxSelectMultiple)
        self.fields["clusters"].help_text = "They go by customer, then by name; the next page can change the order."

    def _get_validation_exclusions(self) -> set[str]:
        """The verb judges the window and the number, with the field at fault; the model's constraints name none."""
        return {*super()._get_validation_exclusions(), "window_end", "at_once"}  # type: ignore[misc]


class OrderForm(forms.Form):
    """One number for each cluster of a batch, in the order in which they go now. The template draws the inputs itself:
    two thousand widgets would take seconds."""

    def __init__(self, clusters: Sequence[Cluster], *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.now = {cluster.pk: place for place, cluster in enumerate(clusters, 1)}
        for cluster in clusters:
            self.fields[self._name(cluster.pk)] = forms.IntegerField(
                min_value=1, max_value=99_999, initial=self.now[cluster.pk]
            )

    def place_of(self, cluster: Cluster) -> forms.BoundField:
        return self[self._name(cluster.pk)]

    def order(self) -> list[int]:
        """A cluster that moved up comes before the one that had this place, one that moved down behind it."""

        def place(number: int) -> tuple[int, int, int]:
            wanted, now = self.cleaned_data[self._name(number)], self.now[number]
            return wanted, (wanted > now) - (wanted < now), now

        return sorted(self.now, key=place)

    @staticmethod
    def _name(number: int) -> str:
        return f"place-{number}"


class ClustersField(forms.ModelMultipleChoiceField):
    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.name} · {obj.customer}"


class AutoRegistrationForm(forms.ModelForm):
    class Meta:
        model = AutoRegistration
        fields = ["on_upgrade", "may_restart"]
