//! Names with wildcards that no shell has expanded. Enters: a pattern. Leaves: the
//! paths that it matches, in order. Never: takes a name that is there for a pattern,
//! nor follows a link to a folder for `**`.

use std::fs;
use std::path::{Component, Path, PathBuf};

/// Folders below one another that `**` looks into.
const MAX_DEPTH: usize = 64;

/// Whether it is a pattern, and no path that is there.
pub fn is_pattern(path: &Path) -> bool {
    path.to_str().is_some_and(|text| text.contains(['*', '?'])) && !path.exists()
}

/// The paths that match `*` (any text), `?` (one character) and `**` (any folders),
/// none of which stand for a dot at the beginning of a name.
pub fn expand(pattern: &Path) -> Vec<PathBuf> {
    let mut parts: Vec<Component<'_>> = pattern.components().collect();
    let absolute = parts.iter().take_while(|part| !matches!(part, Component::Normal(_))).count();
    let root: PathBuf = parts.drain(..absolute).collect();
    let parts: Vec<String> =
        parts.iter().map(|part| part.as_os_str().to_string_lossy().into_owned()).collect();
    let mut found = Vec::new();
    walk(&root, &parts, MAX_DEPTH, &mut found);
    found.sort();
    found.dedup();
    found
}

fn walk(folder: &Path, parts: &[String], depth: usize, found: &mut Vec<PathBuf>) {
    let Some((part, rest)) = parts.split_first() else {
        return found.push(folder.to_owned());
    };
    if part == "**" {
        walk(folder, rest, depth, found);
        let folders = names(folder).into_iter().filter(|name| !name.starts_with('.'));
        for path in folders.map(|name| folder.join(name)).take_while(|_| depth > 0) {
            if path.is_dir() && !path.is_symlink() {
                walk(&path, parts, depth - 1, found);
            }
        }
    } else if part.contains(['*', '?']) {
        let wanted: Vec<char> = part.chars().collect();
        for name in names(folder) {
            let given: Vec<char> = name.chars().collect();
            let path = folder.join(&name);
            let fits = name.starts_with('.') == part.starts_with('.') && matches(&wanted, &given);
            if fits && (rest.is_empty() || path.is_dir()) {
                walk(&path, rest, depth, found);
            }
        }
    } else {
        let path = folder.join(part);
        if path.exists() {
            walk(&path, rest, depth, found);
        }
    }
}

fn names(folder: &Path) -> Vec<String> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    // One that is no text can still be named by itself.
    entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}

/// Goes back to the last `*` alone where it does not fit, so it takes no more steps
/// than the lengths multiplied.
fn matches(pattern: &[char], name: &[char]) -> bool {
    let (mut at, mut read, mut star) = (0, 0, None);
    while read < name.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, read));
                at += 1;
            }
            Some(c) if *c == '?' || *c == name[read] => {
                at += 1;
                read += 1;
            }
            _ => match star {
                Some((before, taken)) => {
                    star = Some((before, taken + 1));
                    at = before + 1;
                    read = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_stand_for_what_they_do_in_a_shell() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::create_dir_all(root.join("sub/deep")).unwrap();
        for name in ["a.pdf", "b.pdf", "ab.md", ".c.pdf", "sub/d.pdf", "sub/deep/e.pdf"] {
            fs::write(root.join(name), "x").unwrap();
        }
        std::os::unix::fs::symlink(root, root.join("sub/round")).unwrap();
        let found = |pattern: &str| -> Vec<String> {
            let paths = expand(&root.join(pattern)).into_iter();
            paths.map(|path| path.strip_prefix(root).unwrap().display().to_string()).collect()
        };
        assert_eq!(found("*.pdf"), ["a.pdf", "b.pdf"]);
        assert_eq!(found("?.pdf"), ["a.pdf", "b.pdf"]);
        assert_eq!(found("*b*"), ["ab.md", "b.pdf", "sub"]);
        assert_eq!(found("*/*.pdf"), ["sub/d.pdf"]);
        assert_eq!(found("**/*.pdf"), ["a.pdf", "b.pdf", "sub/d.pdf", "sub/deep/e.pdf"]);
        assert_eq!(found("sub/**/e.pdf"), ["sub/deep/e.pdf"]);
        assert_eq!(found(".*.pdf"), [".c.pdf"]);
        assert!(found("*.docx").is_empty());
        assert!(is_pattern(&root.join("*.pdf")) && !is_pattern(&root.join("a.pdf")));
        fs::write(root.join("what?.pdf"), "x").unwrap();
        assert!(!is_pattern(&root.join("what?.pdf")));
    }

    #[test]
    fn a_hostile_name_takes_no_time() {
        let name = vec!['a'; 5000];
        let pattern: Vec<char> = "*a".repeat(50).chars().chain(['b']).collect();
        assert!(!matches(&pattern, &name));
    }
}
