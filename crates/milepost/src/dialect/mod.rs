//! Wire formats over the same jobs. Each is a pure `message` function and a
//! table of routes, and holds no state. None is privileged: the native protocol
//! is one of them.

mod agents;
mod conversion;
mod detail;
mod flat;
mod form;
mod heads;
pub mod native;
mod noted;
mod room;
mod rooms;
mod shared;
mod upload;
mod watch;

use crate::config::Dialects;
use crate::http::routes::Routes;

/// The routes of the native protocol, and of the others that are switched on.
pub fn routes(on: &Dialects) -> Routes {
    let others: [(bool, fn() -> Routes); 4] = [
        (on.conversion, conversion::routes),
        (on.upload, upload::routes),
        (on.agents, agents::routes),
        (on.rooms, rooms::routes),
    ];
    let others = others.into_iter().filter(|(on, _)| *on).map(|(_, routes)| routes());
    others.fold(native::routes().merge(shared::routes(on)), Routes::merge)
}
