use milepost_convert::*;
fn run(name: &str, bytes: Vec<u8>, fin: Vec<Page>) -> (Vec<Page>, Option<Output>) {
    let mut out = vec![];
    let o = Options::default();
    let r =
        convert(Document { filename: name.into(), bytes }, &o, &Limits::default(), fin, &mut |s| {
            if let Step::Page(p) = s {
                out.push(p)
            }
        });
    (out, r.ok())
}
fn main() {
    let mut n_checked = 0;
    for f in std::fs::read_dir(std::env::args().nth(1).unwrap()).unwrap().flatten() {
        let p = f.path();
        if p.extension().is_none_or(|e| e != "pdf") {
            continue;
        }
        let n = p.file_name().unwrap().to_string_lossy().to_string();
        let b = std::fs::read(&p).unwrap();
        let (all, whole) = run(&n, b.clone(), vec![]);
        for k in 1..all.len() {
            let (rest, w) = run(&n, b.clone(), all[..k].to_vec());
            n_checked += 1;
            if rest[..] != all[k..] || w != whole {
                println!("{n} differs from {k}")
            }
        }
    }
    println!("{n_checked} resumes checked");
}
