//! Small chunks that stand beside each other become one.
//!
//! Enters: drafts in order. Leaves: fewer, none larger than it may be. What is put
//! together keeps the headings that all of it stands under; the others stand in its
//! text.

use super::content::Content;
use super::pack::{Draft, Packer, packed};

/// Two drafts as one, if they are small enough and all headings find their place.
pub(super) fn both(packer: &Packer<'_>, first: &Draft, next: &Draft) -> Option<Draft> {
    let max = packer.chunker.max as usize;
    let (inherited, also) = (first.inherited?, next.inherited?);
    let (large, small) = (first.size.max(next.size), first.size.min(next.size));
    if first.whole || next.whole || large > max / 2 || small > max / 4 {
        return None;
    }
    let common = first.path.iter().zip(&next.path).take_while(|(a, b)| a == b).count();
    let Content { text, blocks, .. } = packer.content;
    let start = first.path.get(common).map_or(first.range.start, |at| blocks[*at].range.start);
    let stands = |at: &usize| blocks[*at].range.start >= start;
    if common < inherited || !next.path.get(common..also).unwrap_or_default().iter().all(stands) {
        return None;
    }
    let more = packer.sizer.size(&text[start..first.range.start])
        + packer.sizer.size(&text[first.range.end..next.range.end]);
    let size = first.size + more;
    let path = first.path[..common].to_vec();
    (size <= packer.room(&path)).then(|| Draft {
        range: start..next.range.end,
        path,
        size,
        inherited: Some(inherited),
        ..Draft::default()
    })
}

/// The draft, cut again if it is too large after all: sizes of parts do not always
/// add up to that of the whole.
pub(super) fn fitting(packer: &Packer<'_>, draft: Draft) -> Vec<Draft> {
    let mut fitting = Vec::new();
    let room = packer.room(&draft.path);
    fit(packer, draft, room, room, &mut fitting);
    fitting
}

fn fit(packer: &Packer<'_>, draft: Draft, room: usize, aim: usize, fitting: &mut Vec<Draft>) {
    let text = packer.content.text[draft.range.clone()].trim();
    if draft.whole || aim <= 1 || packer.sizer.size(text) <= room {
        fitting.push(draft);
        return;
    }
    let aim = aim * 3 / 4;
    for atom in packed(packer.cutter(aim).prose(draft.range.clone()), aim) {
        let piece = Draft { range: atom.range, size: atom.size, ..draft.clone() };
        fit(packer, piece, room, aim, fitting);
    }
}
