//! Wire formats over the same jobs. Each is a pure `message` function and a
//! table of routes, and holds no state. None is privileged: the native protocol
//! is one of them.

mod agents;
mod conversion;
mod detail;
mod document;
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
    let others: [(bool, fn() -> Routes); 5] = [
        (on.conversion, conversion::routes),
        (on.upload, upload::routes),
        (on.document, document::routes),
        (on.agents, agents::routes),
        (on.rooms, rooms::routes),
    ];
    let others = others.into_iter().filter(|(on, _)| *on).map(|(_, routes)| routes());
    others.fold(native::routes().merge(shared::routes(on)), Routes::merge)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::routes::Rule;
    use crate::http::web;

    /// What the matrix of callers reads: every route that our own description does not
    /// have. After a change: `UPDATE_ROUTES=1 cargo test --workspace --lib dialect`.
    #[test]
    fn the_table_of_routes_is_written_down() {
        let ours = native::routes().table();
        let others = routes(&Dialects::default()).merge(web::routes()).table();
        let mut text = String::new();
        for (path, method, rule) in others.into_iter().filter(|route| !ours.contains(route)) {
            let rule = match rule {
                Rule::Open => "open".to_owned(),
                Rule::Known => "known".to_owned(),
                Rule::Socket => "socket".to_owned(),
                Rule::Needs(scope) => format!("needs:{}", scope.as_str()),
                Rule::Of(scope) => format!("of:{}", scope.as_str()),
            };
            text.push_str(&format!("{method} {path} {rule}\n"));
        }
        let place = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/routes.txt");
        if std::env::var_os("UPDATE_ROUTES").is_some() {
            std::fs::write(place, &text).unwrap();
        }
        assert_eq!(std::fs::read_to_string(place).unwrap_or_default(), text);
    }

    #[test]
    fn each_protocol_can_be_switched_off() {
        let off = Dialects {
            conversion: false,
            upload: false,
            document: false,
            agents: false,
            rooms: false,
            ..Dialects::default()
        };
        let ours = native::routes().table();
        let left: Vec<_> =
            routes(&off).table().into_iter().filter(|route| !ours.contains(route)).collect();
        assert_eq!(left.len(), 1, "only the front page: {left:?}");
    }
}
