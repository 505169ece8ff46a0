//! The system calls of a converter. Enters: nothing. Leaves: a filter on this
//! thread, which all threads that it starts inherit. Never: allows a call that
//! opens, connects, executes, traces or signals another.
//!
//! What is not on the list fails with `EPERM` and does not kill: libraries ask
//! for more than they need and go on without it.

use std::collections::BTreeMap;

use seccompiler::{
    BackendError, BpfProgram, Error, SeccompAction, SeccompCmpArgLen as Length,
    SeccompCmpOp as Compare, SeccompCondition, SeccompFilter, SeccompRule, apply_filter,
};

/// Allowed whatever their arguments are.
const ALLOWED: &[i64] = &[
    // The pipe, and what the runtime does with descriptors. No socket can be
    // made, so these reach the pipe alone; none of them receives descriptors.
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_recvfrom,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_sendto,
    libc::SYS_close,
    libc::SYS_dup,
    libc::SYS_fstat,
    libc::SYS_lseek,
    libc::SYS_ppoll,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_poll,
    // Memory. `mmap` and `mprotect` are below.
    libc::SYS_brk,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    // Threads and time.
    libc::SYS_futex,
    libc::SYS_set_robust_list,
    libc::SYS_rseq,
    libc::SYS_membarrier,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_nanosleep,
    libc::SYS_clock_nanosleep,
    libc::SYS_clock_gettime,
    libc::SYS_clock_getres,
    libc::SYS_gettimeofday,
    libc::SYS_restart_syscall,
    libc::SYS_gettid,
    libc::SYS_getpid,
    libc::SYS_getrandom,
    libc::SYS_getrusage,
    // The other filter takes this one back.
    libc::SYS_clone3,
    libc::SYS_uname,
    // Signals of its own.
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    // Its end.
    libc::SYS_exit,
    libc::SYS_exit_group,
];

/// Why the filter does not stand.
#[derive(Debug, thiserror::Error)]
pub enum CallsError {
    /// There is none for this processor.
    #[error("there is no filter for this processor: {0}")]
    Processor(BackendError),
    /// The filter is wrong.
    #[error("the filter cannot be built: {0}")]
    Filter(BackendError),
    /// The kernel refuses it.
    #[error("the kernel refuses it: {0}")]
    Kernel(Error),
}

/// Refuses every call that is not needed, from now on.
///
/// # Errors
/// Where this processor or this kernel has no such filter.
pub fn allow_only_needed() -> Result<(), CallsError> {
    // The longer list is last: it does not allow to add another.
    let filters = [no_clone3(), needed()].map(|filter| {
        let processor = std::env::consts::ARCH.try_into().map_err(CallsError::Processor)?;
        filter
            .and_then(|(rules, other, listed)| {
                SeccompFilter::new(rules, other, listed, processor)?.try_into()
            })
            .map_err(CallsError::Filter)
    });
    for filter in filters {
        let filter: BpfProgram = filter?;
        apply_filter(&filter).map_err(CallsError::Kernel)?;
    }
    Ok(())
}

type Rules = (BTreeMap<i64, Vec<SeccompRule>>, SeccompAction, SeccompAction);

fn needed() -> Result<Rules, BackendError> {
    let mut rules: BTreeMap<_, _> = ALLOWED.iter().map(|call| (*call, Vec::new())).collect();
    let mut only = |call: i64, alternatives: Vec<SeccompCondition>| {
        let each = alternatives.into_iter().map(|condition| SeccompRule::new(vec![condition]));
        each.collect::<Result<_, _>>().map(|alternatives| rules.insert(call, alternatives))
    };
    let own = u64::from(std::process::id());
    let executable = libc::PROT_EXEC as u64;
    // Nothing that was written becomes code.
    only(libc::SYS_mmap, vec![masked(2, executable, 0)?])?;
    only(libc::SYS_mprotect, vec![masked(2, executable, 0)?])?;
    // Threads, but no processes.
    let thread = libc::CLONE_THREAD as u64;
    only(libc::SYS_clone, vec![masked(0, thread, thread)?])?;
    // A thread's name.
    only(libc::SYS_prctl, vec![equal(0, libc::PR_SET_NAME as u64)?])?;
    // `abort` signals the process itself.
    only(libc::SYS_tgkill, vec![equal(0, own)?])?;
    // Limits are read, never set: the new one is a null pointer.
    let unset = SeccompCondition::new(2, Length::Qword, Compare::Eq, 0)?;
    only(libc::SYS_prlimit64, vec![unset])?;
    // What the runtime asks of its descriptors, and a copy of one.
    let asked = [libc::F_GETFD, libc::F_GETFL, libc::F_DUPFD_CLOEXEC];
    let asked = asked.into_iter().map(|what| equal(1, what as u64)).collect::<Result<_, _>>()?;
    only(libc::SYS_fcntl, asked)?;
    Ok((rules, SeccompAction::Errno(libc::EPERM as u32), SeccompAction::Allow))
}

/// `clone3` has its flags in memory, where a filter cannot read them. Told that
/// there is none, the C library takes `clone`.
fn no_clone3() -> Result<Rules, BackendError> {
    let rules = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
    Ok((rules, SeccompAction::Allow, SeccompAction::Errno(libc::ENOSYS as u32)))
}

fn equal(argument: u8, value: u64) -> Result<SeccompCondition, BackendError> {
    SeccompCondition::new(argument, Length::Dword, Compare::Eq, value)
}

fn masked(argument: u8, mask: u64, value: u64) -> Result<SeccompCondition, BackendError> {
    SeccompCondition::new(argument, Length::Qword, Compare::MaskedEq(mask), value)
}
