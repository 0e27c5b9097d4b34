//! Operations on views.

use tenure_resource::buffer::{ByteView, Element, ElementType, Endian, Scalar, View};

use super::ops::Op;
use super::values::Answer::{Bits, Bytes, Done, Range, WrongType};
use super::values::{answer, bits, from_bytes, of_view_error, scalar, to_bytes, typed};
use super::world::{ModelView, RealView, World, within};

impl World {
    pub(super) fn run_new_view(&mut self, op: Op, at: u64) {
        match op {
            Op::NewView {
                store,
                element_type,
                offset,
                len,
            } => {
                let Some(store) = self.store(store) else { return };
                let real = View::new(self.real_stores[store].backing(), element_type, offset, len, at);
                let model = ModelView {
                    store,
                    era: self.stores[store].era(),
                    element_type: Some(element_type),
                    offset,
                    len_bytes: len.map(|len| len.saturating_mul(element_type.size_bytes())),
                    at,
                };
                self.new_view(store, real.map(RealView::Typed), model);
            }
            Op::NewByteView { store, offset, len } => {
                let Some(store) = self.store(store) else { return };
                let real = ByteView::new(self.real_stores[store].backing(), offset, len, at);
                let era = self.stores[store].era();
                let model = ModelView {
                    store,
                    era,
                    element_type: None,
                    offset,
                    len_bytes: len,
                    at,
                };
                self.new_view(store, real.map(RealView::Bytes), model);
            }
            Op::Subview { view, start, end } => {
                let Some((model, RealView::Typed(real), backing)) = self.view(view) else {
                    return;
                };
                let real = match end {
                    Some(end) => real.subview(backing, start..end, at),
                    None => real.subview(backing, start.., at),
                };
                let size = model.size();
                let expected = self.window(&model).and_then(|(_, len_bytes)| {
                    let len = len_bytes / size;
                    within(start, end.unwrap_or(len), len)?;
                    let is_tracking = end.is_none() && model.len_bytes.is_none();
                    let new_len = (end.unwrap_or(len) - start) * size;
                    let offset = model.offset + start * size;
                    Ok(ModelView {
                        offset,
                        len_bytes: (!is_tracking).then_some(new_len),
                        at,
                        ..model
                    })
                });
                match (real, expected) {
                    (Ok(real), Ok(model)) => {
                        self.real_views.push(RealView::Typed(real));
                        self.views.push(model);
                    }
                    (real, expected) => assert_eq!(real.map_err(of_view_error).map(|_| ()), expected.map(|_| ())),
                }
            }
            _ => unreachable!("sorted by the caller"),
        }
    }

    pub(super) fn run_typed(&mut self, op: Op) {
        let (Op::Get { view: index, .. }
        | Op::Set { view: index, .. }
        | Op::GetAll { view: index }
        | Op::FillAll { view: index, .. }
        | Op::CopyWithin { view: index, .. }
        | Op::CopyBetween { to: index, .. }) = op
        else {
            unreachable!("sorted by the caller")
        };
        let Some((model, RealView::Typed(real), backing)) = self.view(index) else {
            return;
        };
        let (size, element_type) = (model.size(), real.element_type());
        let window = self.window(&model);
        let len = window.as_ref().map(|(_, len_bytes)| len_bytes / size).unwrap_or(0);
        let place = |index: usize| match &window {
            Ok((start, _)) if index < len => Ok(start + index * size),
            Ok(_) => Err(Range),
            Err(_) => self.window(&model).map(|_| 0),
        };
        match op {
            Op::Get { index, .. } => {
                let expected = match place(index) {
                    Ok(place) => Bits(from_bytes(
                        &self.stores[model.store].bytes[place..][..size],
                        Endian::NATIVE,
                    )),
                    Err(refused) => refused,
                };
                let answered = answer(
                    real.get_scalar(backing, index),
                    |scalar| Bits(bits(scalar)),
                    of_view_error,
                );
                assert_eq!(answered, expected);
            }
            Op::Set { index, bits: value, .. } => {
                let place = place(index);
                let value = bits(scalar(element_type, value));
                let answered = answer(
                    real.set_scalar(backing, index, scalar(element_type, value)),
                    |()| Done,
                    of_view_error,
                );
                let wrong = if element_type == ElementType::I16 {
                    Scalar::U16(1)
                } else {
                    Scalar::I16(1)
                };
                assert_eq!(
                    real.set_scalar(backing, index, wrong).map_err(of_view_error),
                    Err(WrongType)
                );
                match place {
                    Ok(place) => {
                        assert_eq!(answered, Done);
                        self.stores[model.store].bytes[place..][..size].copy_from_slice(&to_bytes(
                            value,
                            size,
                            Endian::NATIVE,
                        ));
                    }
                    Err(refused) => assert_eq!(answered, refused),
                }
            }
            Op::GetAll { .. } => {
                let answered = typed!(element_type, T => answer(
                    real.elements::<T>(backing),
                    |elements| {
                        let all = elements.to_vec();
                        assert_eq!(all.len(), elements.len());
                        let mut copy = all.clone();
                        elements.read_into(&mut copy).expect("the same length");
                        let bits_of = |list: &[T]| -> Vec<u64> { list.iter().map(|e| bits(e.to_scalar())).collect() };
                        assert_eq!(bits_of(&copy), bits_of(&all));
                        elements.write_from(&copy).expect("the same length");
                        Bytes(all.iter().flat_map(|e| to_bytes(bits(e.to_scalar()), size, Endian::NATIVE)).collect())
                    },
                    of_view_error
                ));
                let expected = match window {
                    Ok((start, len)) => Bytes(self.stores[model.store].bytes[start..][..len].to_vec()),
                    Err(refused) => refused,
                };
                assert_eq!(answered, expected);
                assert_eq!(
                    real.len(backing).ok(),
                    real.bytes(backing).ok().map(|bytes| bytes.len() / size)
                );
            }
            Op::FillAll { bits: value, .. } => {
                let value = scalar(element_type, value);
                let answered = typed!(element_type, T => answer(
                    real.elements::<T>(backing),
                    |elements| {
                        elements.fill(T::from_scalar(value).expect("its type"));
                        Done
                    },
                    of_view_error
                ));
                match window {
                    Ok((start, len_bytes)) => {
                        assert_eq!(answered, Done);
                        let value = to_bytes(bits(value), size, Endian::NATIVE);
                        for element in self.stores[model.store].bytes[start..][..len_bytes].chunks_mut(size) {
                            element.copy_from_slice(&value);
                        }
                    }
                    Err(refused) => assert_eq!(answered, refused),
                }
            }
            Op::CopyWithin { start, end, at, .. } => {
                let answered = typed!(element_type, T => answer(
                    real.elements::<T>(backing),
                    |elements| answer(elements.copy_within(start..end, at), |()| Done, |_| Range),
                    of_view_error
                ));
                let expected = window.and_then(|(first, _)| {
                    within(start, end, len)?;
                    within(at, at.saturating_add(end - start), len)?;
                    Ok(first)
                });
                match expected {
                    Ok(first) => {
                        assert_eq!(answered, Done);
                        self.stores[model.store]
                            .bytes
                            .copy_within(first + start * size..first + end * size, first + at * size);
                    }
                    Err(refused) => assert_eq!(answered, refused),
                }
            }
            Op::CopyBetween { from, .. } => {
                let Some((other, RealView::Typed(other_real), other_backing)) = self.view(from) else {
                    return;
                };
                let answered = typed!(element_type, T => match (
                    real.elements::<T>(backing),
                    other_real.elements::<T>(other_backing),
                ) {
                    (Ok(to), Ok(from)) => answer(to.copy_from(from), |()| Done, |_| Range),
                    (Err(error), _) | (_, Err(error)) => of_view_error(error),
                });
                let other_window = if other.element_type == model.element_type {
                    self.window(&other)
                } else {
                    Err(WrongType)
                };
                match (window, other_window) {
                    (Ok((to, to_len)), Ok((from, from_len))) if to_len == from_len => {
                        assert_eq!(answered, Done);
                        let copy = self.stores[other.store].bytes[from..][..from_len].to_vec();
                        self.stores[model.store].bytes[to..][..to_len].copy_from_slice(&copy);
                    }
                    (Ok(_), Ok(_)) => assert_eq!(answered, Range),
                    (Err(refused), _) | (_, Err(refused)) => assert_eq!(answered, refused),
                }
            }
            _ => unreachable!("sorted by the caller"),
        }
    }

    pub(super) fn run_bytes(&mut self, op: Op) {
        let (Op::GetNumber {
            view,
            element_type,
            index,
            order,
        }
        | Op::SetNumber {
            view,
            element_type,
            index,
            order,
            ..
        }) = op
        else {
            unreachable!("sorted by the caller")
        };
        let Some((model, RealView::Bytes(real), backing)) = self.view(view) else {
            return;
        };
        let size = element_type.size_bytes();
        let place = self.window(&model).and_then(|(start, len)| {
            within(index, index.saturating_add(size), len)?;
            Ok(start + index)
        });
        if let Op::SetNumber { bits: value, .. } = op {
            let answered = typed!(element_type, T => {
                let value = T::from_scalar(scalar(element_type, value)).expect("its type");
                answer(real.set::<T>(backing, index, value, order), |()| Done, of_view_error)
            });
            match place {
                Ok(place) => {
                    assert_eq!(answered, Done);
                    let value = bits(scalar(element_type, value));
                    self.stores[model.store].bytes[place..][..size].copy_from_slice(&to_bytes(value, size, order));
                }
                Err(refused) => assert_eq!(answered, refused),
            }
        } else {
            let answered = typed!(element_type, T => answer(
                real.get::<T>(backing, index, order),
                |number| Bits(bits(number.to_scalar())),
                of_view_error
            ));
            let expected = match place {
                Ok(place) => Bits(from_bytes(&self.stores[model.store].bytes[place..][..size], order)),
                Err(refused) => refused,
            };
            assert_eq!(answered, expected);
        }
    }
}
