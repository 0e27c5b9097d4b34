//! How the objects of a pool are made and made as new.
//!
//! A [`Manager`] has two functions, both called without any part of the pool borrowed, so that they may use the pool
//! themselves. Implement it for a type of your own, or put two closures into [`FromFns`]. A manager does not say when
//! objects are dropped: that is a matter of the pool's configuration.

use std::convert::Infallible;
use std::fmt;

/// Makes the objects of a pool and makes returned ones as new.
///
/// ```
/// use tenure_resource::pool::{Manager, Pool, PoolConfig};
///
/// /// Stacks of parser states; one that grew out of proportion is not worth keeping.
/// struct ParserStacks;
///
/// impl Manager for ParserStacks {
///     type Object = Vec<u32>;
///     type Error = &'static str;
///
///     fn create(&self) -> Result<Vec<u32>, &'static str> {
///         Ok(Vec::with_capacity(256))
///     }
///
///     fn reset(&self, stack: &mut Vec<u32>) -> Result<(), &'static str> {
///         stack.clear();
///         if stack.capacity() > 65_536 { Err("grew too large") } else { Ok(()) }
///     }
/// }
///
/// let pool = Pool::new(PoolConfig::new(8), ParserStacks);
/// let mut stack = pool.get()?;
/// stack.extend(0..100_000);
/// drop(stack);
/// assert_eq!((pool.idle(), pool.statistics().dropped.reset_failed), (0, 1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Manager {
    /// What the pool holds.
    type Object;
    /// Why an object cannot be made, or not be used again.
    type Error;

    /// Makes an object.
    ///
    /// # Errors
    ///
    /// Whatever keeps it from being made; [`get`](crate::pool::Pool::get) passes it on.
    fn create(&self) -> Result<Self::Object, Self::Error>;

    /// Makes a returned object as new. It runs when the object comes back, not when it is used again, so that an idle
    /// object holds on to nothing of its last use.
    ///
    /// # Errors
    ///
    /// When the object cannot be used again: the pool drops it.
    fn reset(&self, object: &mut Self::Object) -> Result<(), Self::Error> {
        let _ = object;
        Ok(())
    }
}

/// A pool whose type does not name its manager: `Pool<Box<dyn Manager<Object = T, Error = E>>>`.
impl<M: Manager + ?Sized> Manager for Box<M> {
    type Object = M::Object;
    type Error = M::Error;

    fn create(&self) -> Result<M::Object, M::Error> {
        (**self).create()
    }

    fn reset(&self, object: &mut M::Object) -> Result<(), M::Error> {
        (**self).reset(object)
    }
}

/// A manager of two closures that do not fail.
///
/// ```
/// use tenure_resource::pool::{FromFns, Pool, PoolConfig};
///
/// let pool = Pool::new(PoolConfig::new(8), FromFns::new(String::new, String::clear));
/// pool.get()?.push_str("hello");
/// assert_eq!(*pool.get()?, "", "the same string, cleared");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy)]
pub struct FromFns<C, R> {
    create: C,
    reset: R,
}

impl<T, C: Fn() -> T, R: Fn(&mut T)> FromFns<C, R> {
    /// A manager that makes objects with `create` and makes returned ones as new with `reset`.
    pub const fn new(create: C, reset: R) -> Self {
        Self { create, reset }
    }
}

impl<T, C: Fn() -> T, R: Fn(&mut T)> Manager for FromFns<C, R> {
    type Object = T;
    type Error = Infallible;

    fn create(&self) -> Result<T, Infallible> {
        Ok((self.create)())
    }

    fn reset(&self, object: &mut T) -> Result<(), Infallible> {
        (self.reset)(object);
        Ok(())
    }
}

impl<C, R> fmt::Debug for FromFns<C, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FromFns").finish_non_exhaustive()
    }
}
