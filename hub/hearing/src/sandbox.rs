//! What the hearing process may not do: it runs C and C++ code over foreign models and voices, so the kernel takes
//! away everything but reading its model, before the model is opened.
//!
//! - landlock: no file below `/` may be opened but the model's, and those only to be read; no TCP.
//! - seccomp: no sockets, no new programs, no files opened to be written, no tracing of others, no mounts.
//! - limits: no core dump (it would hold voices), bounded memory.
//!
//! A kernel without landlock (before 5.13, or built without it) leaves reading allowed; the hub says so once.

use std::collections::BTreeMap;
use std::path::Path;

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetCreatedAttr,
    RulesetStatus, path_beneath_rules,
};
use nix::sys::resource::{Resource, setrlimit};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
};

#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    #[error("the hearing process could not be confined (landlock): {0}")]
    Landlock(#[from] landlock::RulesetError),
    #[error("the hearing process could not be confined (seccomp): {0}")]
    Seccomp(#[from] seccompiler::BackendError),
    #[error("the hearing process could not be confined (seccomp): {0}")]
    Apply(#[from] seccompiler::Error),
    #[error("the hearing process could not be confined (limits): {0}")]
    Limits(#[from] nix::Error),
}

/// Confines this process and all its threads to come. Returns whether the file system is out of reach.
pub fn confine(readable: &[&Path], memory: u64) -> Result<bool, SandboxError> {
    setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
    setrlimit(Resource::RLIMIT_DATA, memory, memory)?;
    let abi = ABI::V5;
    let status = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(abi))?
        .handle_access(AccessNet::from_all(abi))?
        .create()?
        .add_rules(path_beneath_rules(readable, AccessFs::from_read(abi)))?
        .restrict_self()?;
    seccompiler::apply_filter(&filter()?)?;
    Ok(status.ruleset != RulesetStatus::NotEnforced)
}

/// Everything is allowed but what a speech engine has no use for.
fn filter() -> Result<BpfProgram, SandboxError> {
    let mut refused: BTreeMap<i64, Vec<SeccompRule>> = [
        libc::SYS_socket,
        libc::SYS_socketpair,
        libc::SYS_connect,
        libc::SYS_bind,
        libc::SYS_listen,
        libc::SYS_accept,
        libc::SYS_accept4,
        libc::SYS_execve,
        libc::SYS_execveat,
        libc::SYS_ptrace,
        libc::SYS_process_vm_readv,
        libc::SYS_process_vm_writev,
        libc::SYS_kill,
        libc::SYS_tkill,
        libc::SYS_mount,
        libc::SYS_umount2,
        libc::SYS_pivot_root,
        libc::SYS_chroot,
        libc::SYS_setns,
        libc::SYS_unshare,
        libc::SYS_unlinkat,
        libc::SYS_renameat2,
        libc::SYS_linkat,
        libc::SYS_symlinkat,
        libc::SYS_mkdirat,
        libc::SYS_mknodat,
        libc::SYS_truncate,
        libc::SYS_fchmodat,
        libc::SYS_fchownat,
        libc::SYS_bpf,
        libc::SYS_perf_event_open,
        libc::SYS_keyctl,
        libc::SYS_add_key,
        libc::SYS_request_key,
        libc::SYS_userfaultfd,
        libc::SYS_io_uring_setup,
        libc::SYS_open_by_handle_at,
        libc::SYS_openat2,
    ]
    .into_iter()
    .map(|call| (call, Vec::new()))
    .collect();
    // Older calls that one kind of processor has and another has not.
    #[cfg(target_arch = "x86_64")]
    for call in [
        libc::SYS_fork,
        libc::SYS_vfork,
        libc::SYS_unlink,
        libc::SYS_rename,
        libc::SYS_creat,
        libc::SYS_mkdir,
    ] {
        refused.insert(call, Vec::new());
    }
    // Opening is refused where a file would be written or made.
    for flag in [libc::O_WRONLY, libc::O_RDWR, libc::O_CREAT] {
        let flag = flag as u64;
        let set = |argument| {
            SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::MaskedEq(flag), flag)
                .and_then(|condition| SeccompRule::new(vec![condition]))
        };
        refused.entry(libc::SYS_openat).or_default().push(set(2)?);
        #[cfg(target_arch = "x86_64")]
        refused.entry(libc::SYS_open).or_default().push(set(1)?);
    }
    let architecture = std::env::consts::ARCH.try_into()?;
    let refuse = SeccompAction::Errno(libc::EPERM as u32);
    Ok(SeccompFilter::new(refused, SeccompAction::Allow, refuse, architecture)?.try_into()?)
}
