//! Futures under way, polled by hand.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// A future of a world.
pub(crate) type Job<T> = Pin<Box<dyn Future<Output = T> + Send>>;

struct Task<T> {
    host: usize,
    job: Job<T>,
    waker: Waker,
    flag: Arc<Flag>,
}

struct Flag {
    number: usize,
    woken: AtomicBool,
    ready: Arc<Mutex<Vec<usize>>>,
}

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.woken.swap(true, Ordering::Relaxed) {
            self.ready.lock().unwrap_or_else(PoisonError::into_inner).push(self.number);
        }
    }
}

/// All futures under way.
pub(crate) struct Tasks<T> {
    slots: Vec<Option<Task<T>>>,
    free: Vec<usize>,
    ready: Arc<Mutex<Vec<usize>>>,
    alive: usize,
}

impl<T> Tasks<T> {
    pub(crate) fn new() -> Self {
        Self { slots: Vec::new(), free: Vec::new(), ready: Arc::default(), alive: 0 }
    }

    /// How many are under way.
    pub(crate) fn len(&self) -> usize {
        self.alive
    }

    pub(crate) fn spawn(&mut self, host: usize, job: Job<T>) {
        let number = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len() - 1
        });
        let flag = Arc::new(Flag { number, woken: AtomicBool::new(false), ready: self.ready.clone() });
        flag.wake_by_ref();
        self.slots[number] = Some(Task { host, job, waker: Waker::from(flag.clone()), flag });
        self.alive += 1;
    }

    /// The ready futures whose hosts may act, by number.
    pub(crate) fn ready(&self, may: impl Fn(usize) -> bool, into: &mut Vec<usize>) {
        into.clear();
        let mut ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        // Whoever is gone is forgotten.
        ready.retain(|number| self.slots.get(*number).is_some_and(Option::is_some));
        into.extend(ready.iter().copied().filter(|number| self.host(*number).is_some_and(&may)));
    }

    pub(crate) fn host(&self, number: usize) -> Option<usize> {
        self.slots.get(number)?.as_ref().map(|task| task.host)
    }

    /// Polls a ready future; what it came to, if it is done.
    pub(crate) fn poll(&mut self, number: usize) -> Option<T> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner).retain(|other| *other != number);
        let task = self.slots.get_mut(number)?.as_mut()?;
        task.flag.woken.store(false, Ordering::Relaxed);
        let polled = task.job.as_mut().poll(&mut Context::from_waker(&task.waker));
        match polled {
            Poll::Pending => None,
            Poll::Ready(done) => {
                self.drop_one(number);
                Some(done)
            }
        }
    }

    /// Drops all futures of a host, as its death does.
    pub(crate) fn drop_host(&mut self, host: usize) {
        for number in 0..self.slots.len() {
            if self.host(number) == Some(host) {
                self.drop_one(number);
            }
        }
    }

    fn drop_one(&mut self, number: usize) {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner).retain(|other| *other != number);
        if self.slots[number].take().is_some() {
            self.free.push(number);
            self.alive -= 1;
        }
    }
}
