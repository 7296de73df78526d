"""Setting up the portal over data that an earlier version left behind."""

import pytest
from django.core.management import call_command
from django.db import connection

from tenants.commands import Refused
from tenants.models import Partner


def test_data_of_a_version_before_the_first_release_are_refused_in_one_sentence(acme: Partner) -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA earlier; CREATE TABLE earlier.licensing_smartaccount (id bigint)")
    try:
        with pytest.raises(Refused, match=r"delete the folder \.local, or name an empty database") as refused:
            call_command("setup_portal")
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP SCHEMA earlier CASCADE")

    assert refused.value.returncode == 2
