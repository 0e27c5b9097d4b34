//! Who holds a resource, by name and count.
//!
//! A name is shared by all handles that carry it; a resource's holders are a list in the order of their names, searched by
//! halving. Counting up or down costs a few comparisons of strings. Names are not registered anywhere: one that no handle
//! carries is gone.

use std::fmt;
use std::rc::Rc;

/// The name under which somebody holds resources: a scene, a script, a widget. It is what a report shows.
///
/// Made of a string where one is asked for; whoever takes many handles makes it once and passes `&holder`.
///
/// ```
/// use tenure_resource::counted_cache::Holder;
///
/// let scene = Holder::new("scene 3");
/// assert_eq!(scene, Holder::from("scene 3"), "the name is what counts");
/// assert_eq!(scene.to_string(), "scene 3");
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Holder(Rc<str>);

impl Holder {
    /// A holder of this name.
    #[must_use]
    pub fn new(name: impl Into<Rc<str>>) -> Self {
        Self(name.into())
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Holder {
    fn from(name: &str) -> Self {
        Self::new(name)
    }
}

impl From<String> for Holder {
    fn from(name: String) -> Self {
        Self::new(name)
    }
}

impl From<&Holder> for Holder {
    fn from(holder: &Holder) -> Self {
        holder.clone()
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// A holder with the number of its handles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HolderCount {
    /// Who.
    pub holder: Holder,
    /// How many handles.
    pub count: usize,
}

impl fmt::Display for HolderCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ×{}", self.holder, self.count)
    }
}

/// The holders of one resource, in the order of their names, none with a count of zero.
#[derive(Debug, Default)]
pub(crate) struct Holders(Vec<HolderCount>);

impl Holders {
    fn position(&self, holder: &Holder) -> Result<usize, usize> {
        self.0.binary_search_by(|own| own.holder.cmp(holder))
    }

    pub(crate) fn add(&mut self, holder: &Holder) {
        match self.position(holder) {
            Ok(at) => self.0[at].count += 1,
            Err(at) => self.0.insert(
                at,
                HolderCount {
                    holder: holder.clone(),
                    count: 1,
                },
            ),
        }
    }

    pub(crate) fn remove(&mut self, holder: &Holder) {
        let Ok(at) = self.position(holder) else {
            debug_assert!(false, "{holder} was added once per handle");
            return;
        };
        self.0[at].count -= 1;
        if self.0[at].count == 0 {
            self.0.remove(at);
        }
    }

    pub(crate) fn to_vec(&self) -> Vec<HolderCount> {
        self.0.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::{Holder, Holders};

    #[test]
    fn holders_are_counted_by_name_and_listed_in_order() {
        let mut holders = Holders::default();
        for name in ["b", "a", "c", "a", "b", "a"] {
            holders.add(&name.into());
        }
        holders.remove(&Holder::from("c"));
        holders.remove(&Holder::from("b".to_owned()));
        let listed: Vec<String> = holders.to_vec().iter().map(ToString::to_string).collect();
        assert_eq!(listed, ["a ×3", "b ×1"]);
        assert_eq!(format!("{:?} {:>3}", Holder::from("x"), Holder::from("y")), "\"x\"   y");
    }
}
