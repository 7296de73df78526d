"""Measure the least that the same work takes: httpx2, json.loads and COPY into bare tables, without code of ours."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx2
import psycopg

Raw = dict[str, Any]
TABLES = {
    "bare_pool": "name text, description text, is_default text, access_level text",
    "bare_license": "pool text, name text, quantity int, in_use int, available int, reserved int, pending int, "
    "status text, billing text",
    "bare_line": "pool text, license text, type text, quantity int, start_on date, end_on date, subscription text, "
    "status text",
    "bare_instance": "pool text, name text, host_name text, udi_pid text, serial text, uuid text, tag text, type text, "
    "status text, registered timestamptz, contact timestamptz",
    "bare_usage": "serial text, license text, quantity int",
    "bare_token": "pool text, token text, description text, expires timestamptz, created_by text, export text",
}


def fetch(origin: str, prefix: str, domain: str, page_size: int) -> Iterator[tuple[str, list[Raw]]]:
    """Every listing, parsed: (member, rows) page by page."""
    with httpx2.Client(trust_env=False) as http:
        answer = http.post(f"{origin}/token", data={"grant_type": "client_credentials"})
        http.headers["Authorization"] = f"Bearer {json.loads(answer.content)['access_token']}"
        base = f"{origin}{prefix}/v1/accounts/{domain}"
        pools = json.loads(http.get(f"{base}/customer/virtual-accounts").content)["virtualAccounts"]
        yield "virtualAccounts", pools
        for member in ("licenses", "devices"):
            offset, total = 0, 1
            while offset < total:
                body = {"virtualAccounts": [], "limit": page_size, "offset": offset}
                answer = json.loads(http.post(f"{base}/{member}", json=body).content)
                yield member, answer[member]
                offset, total = offset + page_size, answer["totalRecords"]
        for pool in pools:
            name = pool["name"]
            found = json.loads(http.get(f"{base}/virtual-accounts/{quote(name, safe='')}/tokens").content)["tokens"]
            yield "tokens", [{"pool": name, **raw} for raw in found]
        json.loads(http.post(f"{base}/alerts", json={"virtualAccounts": [], "limit": -1, "offset": 0}).content)


def fetch_only(*where: Any) -> None:
    for _ in fetch(*where):
        pass


def fetch_and_copy(database_url: str, *where: Any) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        for table in TABLES:
            connection.execute(f"TRUNCATE {table}")
        for member, rows in fetch(*where):
            for table, tuples in ROWS[member](rows):
                with connection.cursor() as cursor, cursor.copy(f"COPY {table} FROM STDIN") as copy:
                    for values in tuples:
                        copy.write_row(values)


def make_tables(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        for table, columns in TABLES.items():
            connection.execute(f"CREATE TABLE IF NOT EXISTS {table} ({columns})")


def _pools(rows: list[Raw]) -> Any:
    names = ("name", "description", "isDefault", "commerceAccessLevel")
    return [("bare_pool", [tuple(raw[name] for name in names) for raw in rows])]


def _licenses(rows: list[Raw]) -> Any:
    names = (
        "virtualAccount",
        "license",
        "quantity",
        "inUse",
        "available",
        "reserved",
        "pendingQuantity",
        "status",
        "billingType",
    )
    of_line = ("licenseType", "quantity", "startDate", "endDate", "subscriptionId", "status")
    lines = [
        (raw["virtualAccount"], raw["license"], *(line[name] for name in of_line))
        for raw in rows
        for line in raw["licenseDetails"]
    ]
    return [("bare_license", [tuple(raw[name] for name in names) for raw in rows]), ("bare_line", lines)]


def _devices(rows: list[Raw]) -> Any:
    instances, usage = [], []
    for raw in rows:
        sudi = raw["sudi"]
        serial = sudi["udiSerialNumber"]
        instances.append(
            (
                raw["virtualAccount"],
                raw["displayName"],
                raw["hostName"],
                sudi["udiPid"],
                serial,
                sudi["uuid"],
                raw["productTagName"],
                raw["productType"],
                raw["status"],
                raw["registrationDate"],
                raw["lastContactDate"],
            )
        )
        usage += [(serial, part["license"], part["quantity"]) for part in raw["licenseUsage"]]
    return [("bare_instance", instances), ("bare_usage", usage)]


def _tokens(rows: list[Raw]) -> Any:
    names = ("pool", "token", "description", "expirationDate", "createdBy", "exportControl")
    return [("bare_token", [tuple(raw[name] for name in names) for raw in rows])]


ROWS = {"virtualAccounts": _pools, "licenses": _licenses, "devices": _devices, "tokens": _tokens}
