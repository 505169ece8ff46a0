//! The command line described for shells and for `man`: by the program itself,
//! so that it cannot be out of date.

use crate::harness::{binary, run};

#[test]
fn every_shell_has_its_completions() {
    for (shell, words) in [
        ("bash", "complete -F _milepost"),
        ("zsh", "#compdef milepost"),
        ("fish", "complete -c milepost"),
        ("powershell", "Register-ArgumentCompleter"),
        ("elvish", "edit:completion"),
    ] {
        let output = run(binary().args(["completions", shell]));
        let script = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success() && script.contains(words), "{shell}: {script}");
        assert!(script.contains("doctor") && !script.contains("convert-child"), "{shell}");
    }
}

/// bash itself completes a subcommand and a flag from the script.
#[test]
fn bash_takes_the_script() {
    let output = run(binary().args(["completions", "bash"]));
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("milepost.bash");
    std::fs::write(&script, output.stdout).unwrap();
    let ask = format!(
        "source {}; COMP_WORDS=(milepost doc); COMP_CWORD=1; _milepost milepost doc milepost; \
         echo \"${{COMPREPLY[@]}}\"",
        script.display()
    );
    let output = run(std::process::Command::new("bash").args(["-c", &ask]));
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "doctor");
}

#[test]
fn each_command_has_its_page() {
    let output = run(binary().arg("man"));
    let page = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && page.contains(".TH milepost 1"), "{page}");
    let folder = tempfile::tempdir().unwrap();
    let output = run(binary().args(["man", "-o"]).arg(folder.path()));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let page = std::fs::read_to_string(folder.path().join("milepost-doctor.1")).unwrap();
    assert!(page.contains("Check this machine"), "{page}");
    // A pipe that nobody reads to the end is no error of ours.
    let output = run(binary().args(["man", "-o", "/proc/none"]));
    assert_eq!(output.status.code(), Some(1));
}
