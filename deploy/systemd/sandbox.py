#!/usr/bin/python3
"""Runs a program under what a unit allows it, on a machine where systemd does not run: `sandbox.py UNIT PROGRAM ARGUMENT…`.

From the unit: the system call filter, refused writable-and-executable memory, address families, namespaces, set-uid
files, no new privileges, no capabilities, limits and umask; and of the file system, ProtectSystem=strict with its state
directories (in a mount namespace of its own). What systemd alone can do, memory limits by cgroup and addresses by BPF, is
left out and said so. Needs root, Debian's python3-seccomp and systemd (for the lists of system calls).
"""

import ctypes
import os
import pwd
import resource
import subprocess
import sys

import seccomp

libc = ctypes.CDLL(None, use_errno=True)
PROT_WRITE, PROT_EXEC = 2, 4
CLONE_NEWNS, MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 0x20000, 1, 32, 4096, 16384, 1 << 18
NAMESPACES = 0x7E020000 | 0x00000080


def unit(path):
    """The unit's settings: name → values in order."""
    settings = {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            name, sign, value = line.strip().partition("=")
            if sign and not line.startswith(("#", "[")):
                settings.setdefault(name, []).append(value)
    return settings


def calls(names):
    """System calls of names and @groups, as this machine's systemd lists them."""
    found = set()
    for name in names:
        if not name.startswith("@"):
            found.add(name)
            continue
        listed = subprocess.run(["systemd-analyze", "syscall-filter", name], capture_output=True, text=True, check=True)
        lines = [line.strip() for line in listed.stdout.splitlines()[1:]]
        found |= calls([line for line in lines if line and not line.startswith("#")])
    return found


def confine(settings):
    """Loads the filter; from here on, this process and its children are confined."""
    refuse = seccomp.ERRNO(1)
    allowed = set()
    for value in settings["SystemCallFilter"]:
        if value.startswith("~"):
            allowed -= calls(value[1:].split())
        else:
            allowed |= calls(value.split())
    # systemd always leaves a program these, to start with.
    allowed |= {"execve", "exit", "exit_group", "rt_sigreturn", "arch_prctl", "getrlimit", "time", "brk", "mmap", "mprotect"}
    rules = seccomp.SyscallFilter(defaction=refuse)
    for name in sorted(allowed - {"mmap", "mprotect", "pkey_mprotect", "socket", "clone", "unshare", "setns", "clone3"}):
        try:
            rules.add_rule(seccomp.ALLOW, name)
        except (RuntimeError, ValueError):
            pass  # not a system call of this architecture
    rules.add_rule(seccomp.ERRNO(38), "clone3")  # as systemd does: its flags cannot be looked into
    rules.add_rule(seccomp.ALLOW, "clone", seccomp.Arg(0, seccomp.MASKED_EQ, NAMESPACES & ~0x80, 0))
    # MemoryDenyWriteExecute
    rules.add_rule(seccomp.ALLOW, "mprotect", seccomp.Arg(2, seccomp.MASKED_EQ, PROT_EXEC, 0))
    rules.add_rule(seccomp.ALLOW, "mmap", seccomp.Arg(2, seccomp.MASKED_EQ, PROT_EXEC, 0))
    rules.add_rule(seccomp.ALLOW, "mmap", seccomp.Arg(2, seccomp.MASKED_EQ, PROT_EXEC | PROT_WRITE, PROT_EXEC))
    families = {"AF_UNIX": 1, "AF_INET": 2, "AF_INET6": 10, "AF_NETLINK": 16}
    for family in settings["RestrictAddressFamilies"][-1].split():
        rules.add_rule(seccomp.ALLOW, "socket", seccomp.Arg(0, seccomp.EQ, families[family]))
    rules.load()


def mount(source, target, flags):
    if libc.mount(source.encode(), target.encode(), None, flags, None):
        raise OSError(ctypes.get_errno(), f"mount {target}")


def main():
    settings = unit(sys.argv[1])
    user = pwd.getpwnam(settings["User"][-1])
    if libc.unshare(CLONE_NEWNS):
        raise OSError(ctypes.get_errno(), "unshare")
    mount("none", "/", MS_REC | MS_PRIVATE)
    writable = [f"/var/lib/{name}" for name in settings["StateDirectory"][-1].split()] + ["/tmp"]
    for folder in writable:
        mount(folder, folder, MS_BIND)
    # In a chroot its folder must be a mount point: mount --bind ROOT ROOT.
    mount("none", "/", MS_BIND | MS_REMOUNT | MS_RDONLY)
    for name, limit in (("LimitNOFILE", resource.RLIMIT_NOFILE), ("LimitCORE", resource.RLIMIT_CORE)):
        if name in settings:
            resource.setrlimit(limit, (int(settings[name][-1]),) * 2)
    os.umask(int(settings["UMask"][-1], 8))
    os.setgroups([])
    for capability in range(64):
        libc.prctl(24, capability, 0, 0, 0)  # out of the bounding set
    os.setresgid(user.pw_gid, user.pw_gid, user.pw_gid)
    os.setresuid(user.pw_uid, user.pw_uid, user.pw_uid)
    if libc.prctl(38, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "no new privileges")
    print("confined as the unit says, except MemoryMax, IPAddressDeny, DevicePolicy and PrivateUsers", file=sys.stderr)
    os.environ |= {"HOME": user.pw_dir, "USER": user.pw_name, "LOGNAME": user.pw_name}
    confine(settings)
    os.execv(sys.argv[2], sys.argv[2:])


main()
