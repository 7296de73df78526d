"""Become another program that ends with its parent and, if asked, runs as a user without root's rights.

This is a script of its own: `child.py PARENT SIGNAL UID GID ACCESS COMMAND...`, ACCESS 1 or 0. COMMAND replaces it, so
the process id stays. A `preexec_fn` would be unsafe in a process with threads.
"""

import ctypes
import os
import struct
import sys

# Numbers of prctl(2) and capabilities(7).
PR_SET_PDEATHSIG = 1
PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP = 28, 1 << 2
PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE = 47, 2
LINUX_CAPABILITY_VERSION_3 = 0x20080522
CAP_DAC_OVERRIDE = 1


def main(parent: int, signal: int, uid: int, gid: int, access: bool, command: list[str]) -> None:
    if uid:
        become(uid, gid, access)
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0)
        if os.getppid() != parent:
            sys.exit(0)  # the parent died before this was set
    os.execv(command[0], command)  # noqa: S606 - that is what it is for


def become(uid: int, gid: int, access: bool) -> None:
    """Become another user, because PostgreSQL refuses to run as root.

    A user who could not enter a parent folder (a clone under /root) keeps one right of root's, which containers have
    too: to open any file. Without NO_SETUID_FIXUP, access(2) would answer as if the right were missing.
    """
    keep = access and sys.platform == "linux"
    libc = ctypes.CDLL(None, use_errno=True)
    if keep:
        check(libc.prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0))
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)
    if keep:
        mask = 1 << CAP_DAC_OVERRIDE
        header = struct.pack("=Ii", LINUX_CAPABILITY_VERSION_3, 0)
        check(libc.capset(header, struct.pack("=6I", mask, mask, mask, 0, 0, 0)))
        check(libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_OVERRIDE, 0, 0))


def check(result: int) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


if __name__ == "__main__":
    try:
        parent, signal, uid, gid, access = map(int, sys.argv[1:6])
        main(parent, signal, uid, gid, bool(access), sys.argv[6:])
    except OSError as error:
        advice = "Start as an ordinary user, move the folder to where every user may enter, or set DATABASE_URL."
        sys.exit(f"Cannot start {sys.argv[6]}: {error.strerror}. {advice if int(sys.argv[3]) else ''}".rstrip())
