//! Threads that wait for the disk, so that the loop does not. Many syncs at once share one commit of the file system.

use crate::limits::{SYNC_QUEUE_MAX, SYNC_THREADS};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use std::io;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::thread;
use tokio::sync::oneshot;

type Job = Box<dyn FnOnce() + Send>;

/// The queue before the threads. It is bounded; when it is full the caller does the work itself.
static QUEUE: LazyLock<SyncSender<Job>> = LazyLock::new(|| {
    let (queue, jobs) = sync_channel(SYNC_QUEUE_MAX);
    let jobs = Arc::new(Mutex::new(jobs));
    for at in 0..SYNC_THREADS {
        let jobs = Arc::clone(&jobs);
        let worker = thread::Builder::new().name(format!("studio-sync-{at}")).stack_size(64 * 1024).spawn(move || work(&jobs));
        if worker.is_err() {
            break; // fewer threads are slower, not wrong; with none the queue is closed and callers work
        }
    }
    queue
});

/// Runs `job` on a thread that may block, and returns its result.
pub(super) fn in_background<T: Send + 'static>(job: impl FnOnce() -> io::Result<T> + Send + 'static) -> BoxFuture<'static, io::Result<T>> {
    async move {
        let (done, result) = oneshot::channel();
        let job: Job = Box::new(move || drop(done.send(job())));
        match QUEUE.try_send(job) {
            Ok(()) => {}
            Err(TrySendError::Full(job) | TrySendError::Disconnected(job)) => job(),
        }
        result.await.unwrap_or_else(|_| Err(io::Error::other("the thread that syncs files is gone")))
    }
    .boxed()
}

fn work(jobs: &Mutex<Receiver<Job>>) {
    loop {
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match job {
            Ok(job) => job(),
            Err(_) => return,
        }
    }
}
