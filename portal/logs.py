"""Configure structured logging, the same in web, worker and command line."""

import logging.config
import re
from typing import Any

import structlog

# Addresses whose secret part opens something without a sign-in. The part up to the secret stays.
SECRET_ADDRESSES = re.compile(r"(/statements/shared/|/calendar/)[^/\s'\"]{16,}")


def mask_addresses(logger: Any, method: str, entry: dict[str, Any]) -> dict[str, Any]:
    """Mask the secrets of addresses in every text of an entry."""
    return {
        name: SECRET_ADDRESSES.sub(r"\1…", value) if isinstance(value, str) else value for name, value in entry.items()
    }


SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    mask_addresses,
]


def configure_logging(level: str, *, json: bool) -> None:
    """Send everything to standard error: standard output belongs to the commands' JSON answers."""
    # Other tracebacks print the values of local variables, which may be secrets.
    plain = structlog.dev.plain_traceback
    console = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=plain)
    rendering = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()] if json else [console]
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "structured": {
                    "()": structlog.stdlib.ProcessorFormatter,
                    "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering],
                    "foreign_pre_chain": SHARED,
                }
            },
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "structured"}},
            "root": {"handlers": ["stderr"], "level": level},
            # httpx2 logs each URL at INFO, which buries what matters.
            "loggers": {"httpx2": {"level": "WARNING"}, "httpcore2": {"level": "WARNING"}},
        }
    )
    structlog.configure(
        processors=[
            *SHARED,
            structlog.processors.format_exc_info,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
