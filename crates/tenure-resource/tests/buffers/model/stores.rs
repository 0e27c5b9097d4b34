//! Operations on whole buffers and memories.

use tenure_resource::buffer::{DetachedBy, Element, ElementType, Endian};
use tenure_resource::linear_memory::PAGE_BYTES;

use super::IMPOSSIBLE_BYTES;
use super::ops::Op;
use super::values::Answer::{BeyondMaximum, Count, Done, NoMemory, NotResizable};
use super::values::{answer, bits, from_bytes, of_buffer_error, of_memory_error, scalar, to_bytes, typed};
use super::world::{ModelStore, Nature, RealStore, RealView, World, within};

impl World {
    pub(super) fn run_buffer(&mut self, op: Op, at: u64) {
        match op {
            Op::SliceView { view } => {
                let Some((model, RealView::Typed(real), backing)) = self.view(view) else {
                    return;
                };
                let made = real.slice(backing);
                let expected = self.window(&model).map(|(start, len)| {
                    ModelStore::new(self.stores[model.store].bytes[start..][..len].to_vec(), Nature::Fixed)
                });
                self.add_made(made, expected);
            }
            Op::Slice { store, start, end } => {
                let Some(store) = self.store(store) else { return };
                let RealStore::Buffer(real) = &self.real_stores[store] else {
                    return;
                };
                let model = &self.stores[store];
                let expected = match model.closed() {
                    Some(refused) => Err(refused),
                    None => within(start, end, model.bytes.len())
                        .map(|()| ModelStore::new(model.bytes[start..end].to_vec(), Nature::Fixed)),
                };
                let made = real.slice(start..end);
                self.add_made(made, expected);
            }
            Op::Resize { store, len } => {
                let Some(store) = self.store(store) else { return };
                let RealStore::Buffer(real) = &mut self.real_stores[store] else {
                    return;
                };
                let model = &mut self.stores[store];
                let answered = answer(real.resize(len, at), |()| Done, of_buffer_error);
                let expected = match (model.closed(), model.nature) {
                    (Some(refused), _) => refused,
                    (None, Nature::Resizable(max)) if len > max => BeyondMaximum,
                    (None, Nature::Resizable(_)) if len >= IMPOSSIBLE_BYTES => NoMemory,
                    (None, Nature::Resizable(_)) => {
                        model.bytes.resize(len, 0);
                        Done
                    }
                    _ => NotResizable,
                };
                assert_eq!(answered, expected);
            }
            Op::Transfer { store, len, to_fixed } => {
                let Some(store) = self.store(store) else { return };
                let RealStore::Buffer(real) = &mut self.real_stores[store] else {
                    return;
                };
                let made = if to_fixed {
                    real.transfer_to_fixed(len, at)
                } else {
                    real.transfer(len, at)
                };
                let model = &mut self.stores[store];
                let nature = if to_fixed { Nature::Fixed } else { model.nature };
                let len = len.unwrap_or(model.bytes.len());
                let expected = match (model.closed(), nature) {
                    (Some(refused), _) => Err(refused),
                    (None, Nature::Resizable(max)) if len > max => Err(BeyondMaximum),
                    (None, _) if len >= IMPOSSIBLE_BYTES => Err(NoMemory),
                    (None, _) => {
                        let mut bytes = model.close(DetachedBy::Transfer, at);
                        bytes.resize(len, 0);
                        Ok(ModelStore::new(bytes, nature))
                    }
                };
                self.add_made(made, expected);
            }
            _ => unreachable!("sorted by the caller"),
        }
    }

    pub(super) fn run_store(&mut self, op: Op, at: u64) {
        let (Op::Detach { store: index }
        | Op::Free { store: index }
        | Op::Grow { store: index, .. }
        | Op::Load { store: index, .. }
        | Op::Store { store: index, .. }
        | Op::Copy { store: index, .. }
        | Op::Fill { store: index, .. }
        | Op::WriteAll { store: index, .. }
        | Op::Release { store: index, .. }) = op
        else {
            unreachable!("sorted by the caller")
        };
        let Some(index) = self.store(index) else { return };
        let model = &mut self.stores[index];
        let closed = model.closed();
        let fits = |start: u64, len: u64, model: &ModelStore| {
            start
                .checked_add(len)
                .is_some_and(|end| end <= model.bytes.len() as u64)
        };
        match (op, &mut self.real_stores[index]) {
            (Op::Detach { .. }, RealStore::Buffer(real)) => {
                let answered = answer(real.detach(at), |()| Done, of_buffer_error);
                assert_eq!(answered, closed.unwrap_or(Done));
                if !model.is_closed {
                    model.close(DetachedBy::Detach, at);
                }
            }
            (Op::Free { .. }, real) => {
                let answered = match real {
                    RealStore::Buffer(real) => answer(real.free(at), |()| Done, of_buffer_error),
                    RealStore::Memory(real) => answer(real.free(at), |()| Done, of_memory_error),
                };
                assert_eq!(answered, closed.unwrap_or(Done));
                if !model.is_closed {
                    model.close(DetachedBy::Free, at);
                }
            }
            (Op::Grow { pages, .. }, RealStore::Memory(real)) => {
                let Nature::Memory(max_pages) = model.nature else {
                    unreachable!("a memory")
                };
                let from_pages = (model.bytes.len() / PAGE_BYTES) as u64;
                let to_pages = from_pages.saturating_add(pages);
                if closed.is_none() && to_pages > 8 && to_pages <= max_pages {
                    return; // possible, and too long to look at
                }
                let answered = answer(real.grow(pages, at), Count, of_memory_error);
                let expected = match closed {
                    Some(refused) => refused,
                    None if to_pages > max_pages => BeyondMaximum,
                    None => {
                        model.bytes.resize(to_pages as usize * PAGE_BYTES, 0);
                        model.ends.push((DetachedBy::Growth { from_pages, to_pages }, at));
                        Count(from_pages)
                    }
                };
                assert_eq!(answered, expected);
            }
            (
                Op::Load {
                    element_type, address, ..
                },
                RealStore::Memory(real),
            ) => {
                let size = element_type.size_bytes();
                let loaded = typed!(element_type, T => real.load::<T>(address).map(|number| bits(number.to_scalar())));
                let expected = fits(address, size as u64, model)
                    .then(|| from_bytes(&model.bytes[address as usize..][..size], Endian::Little));
                assert_eq!(loaded.ok(), expected);
            }
            (
                Op::Store {
                    element_type,
                    address,
                    bits: value,
                    ..
                },
                RealStore::Memory(real),
            ) => {
                let size = element_type.size_bytes();
                let value = scalar(element_type, value);
                let stored = typed!(element_type, T => real.store(address, T::from_scalar(value).expect("its type")));
                assert_eq!(stored.is_ok(), fits(address, size as u64, model));
                if stored.is_ok() {
                    model.bytes[address as usize..][..size].copy_from_slice(&to_bytes(
                        bits(value),
                        size,
                        Endian::Little,
                    ));
                }
            }
            (Op::Copy { to, from, len, .. }, RealStore::Memory(real)) => {
                let copied = real.copy(to, from, len);
                assert_eq!(copied.is_ok(), fits(to, len, model) && fits(from, len, model));
                if copied.is_ok() {
                    model
                        .bytes
                        .copy_within(from as usize..(from + len) as usize, to as usize);
                }
            }
            (
                Op::Fill {
                    at: address,
                    len,
                    value,
                    ..
                },
                RealStore::Memory(real),
            ) => {
                let filled = real.fill(address, value, len);
                assert_eq!(filled.is_ok(), fits(address, len, model));
                if filled.is_ok() {
                    model.bytes[address as usize..][..len as usize].fill(value);
                    let mut copy = vec![0; len as usize];
                    real.read(address, &mut copy).expect("just written");
                    real.write(address, &copy).expect("just written");
                }
            }
            (Op::WriteAll { value, .. }, RealStore::Buffer(real)) => {
                match real.bytes_mut() {
                    Ok(bytes) => bytes.fill(value),
                    Err(error) => assert_eq!(Some(of_buffer_error(error)), closed),
                }
                model.bytes.fill(value);
            }
            (Op::WriteAll { value, .. }, RealStore::Memory(real)) => {
                real.bytes_mut().fill(value);
                model.bytes.fill(value);
            }
            (Op::Release { budget, .. }, real) => {
                let held_bytes = real.backing().held_bytes();
                let is_settled = match real {
                    RealStore::Buffer(real) => real.release_unwanted(budget),
                    RealStore::Memory(real) => real.release_unwanted(budget),
                };
                assert!(real.backing().held_bytes() <= held_bytes);
                assert!(is_settled || real.backing().held_bytes() < held_bytes);
            }
            _ => {}
        }
    }
}
