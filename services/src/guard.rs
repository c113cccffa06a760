//! The process between us and a server: it holds a pipe from us, and when that ends, however we ended, it stops the
//! server and removes its folder.
//!
//! It does not know which server it is.

use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use tempfile::TempDir;

/// Answers one line for each word that it is told. Children that the server forked are killed with it: some outlive it
/// for a moment, with its port. A server that does not stop in five seconds is killed.
const SCRIPT: &str = r#"
folder=$1 signal=$2
shift 2
child=
kill_all() {
    [ -n "$child" ] || return 0
    forked=$(cat "/proc/$child/task/$child/children" 2>/dev/null)
    kill -9 $child $forked 2>/dev/null
    wait $child 2>/dev/null
    child= looks=0
    for pid in $forked; do
        while [ $looks -lt 250 ] && kill -0 $pid 2>/dev/null; do sleep 0.02; looks=$((looks + 1)); done
    done
}
stop() {
    [ -n "$child" ] || return 0
    (trap 'kill $!; exit' TERM; sleep 5 & wait $!; kill -9 $child) >/dev/null 2>&1 </dev/null &
    watch=$!
    kill -"$signal" $child 2>/dev/null
    wait $child 2>/dev/null
    kill $watch 2>/dev/null
    wait $watch 2>/dev/null
    child=
}
while read -r word; do
    case $word in
        start) "$@" >>"$folder/log" 2>&1 </dev/null & child=$! ;;
        kill) kill_all ;;
        stop) stop ;;
    esac
    echo "$word"
done
stop
rm -rf "$folder"
"#;

/// The guard of one server; the server ends with it.
#[derive(Debug)]
pub(crate) struct Guard {
    folder: PathBuf,
    talk: Mutex<Talk>,
}

#[derive(Debug)]
struct Talk {
    child: Child,
    words: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Guard {
    /// Watches over `command`, which is not started yet, and from now on over `folder`; `signal` ends the command.
    pub(crate) fn new(folder: TempDir, signal: &str, command: &[OsString]) -> io::Result<Self> {
        let mut shell = Command::new("sh");
        shell.args(["-c", SCRIPT, "guard"]).arg(folder.path()).arg(signal).args(command);
        // A group of its own: an interrupt from the terminal is for us alone.
        shell.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = shell.env("LC_ALL", "C").current_dir(folder.path()).spawn()?;
        let words = child.stdin.take();
        let answers = child.stdout.take().map(BufReader::new).ok_or(io::ErrorKind::BrokenPipe)?;
        Ok(Self { folder: folder.keep(), talk: Mutex::new(Talk { child, words, answers }) })
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Says one word and waits until it is done.
    pub(crate) fn say(&self, word: &str) -> io::Result<()> {
        let mut talk = self.talk.lock().unwrap_or_else(PoisonError::into_inner);
        let words = talk.words.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        words.write_all(format!("{word}\n").as_bytes())?;
        let mut answer = String::new();
        match talk.answers.read_line(&mut answer)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

impl Drop for Guard {
    /// Waits until server and folder are gone.
    fn drop(&mut self) {
        let talk = self.talk.get_mut().unwrap_or_else(PoisonError::into_inner);
        drop(talk.words.take());
        // It ends on its own; whether that was seen changes nothing.
        let _ = talk.child.wait();
    }
}
