//! The title of the process, beside stock's.

use std::fs;

use crate::process::Server;
use crate::{PROGRAM, error, node, status};

/// The words of the command line, as the kernel shows them.
fn words(server: &Server) -> Vec<String> {
    let path = format!("/proc/{}/cmdline", server.id());
    let bytes = fs::read(path).expect("the process is there");
    let text = String::from_utf8(bytes).expect("it is ASCII here");
    text.split('\0').map(str::to_owned).collect()
}

/// A title is one.
fn title(server: &Server) -> String {
    words(server).swap_remove(0)
}

#[test]
fn the_title_says_what_the_template_asks_for() {
    let servers = [
        (PROGRAM, node(&[])),
        ("redis-server", Server::start("redis-server", &[])),
    ];
    for (program, server) in servers {
        let port = server.port();
        assert_eq!(title(&server), format!("{program} 127.0.0.1:{port}"));
        let mut client = server.client();
        let mut set = |template: &str| {
            let words = ["CONFIG", "SET", "proc-title-template", template];
            client.ask(&words).expect("it answers")
        };
        let all = "x {title} {{ {listen-addr} [{port}|{tls-port}|{unixsocket}] {config-file}";
        assert_eq!(set(all), status("OK"));
        let shown = title(&server);
        let begin = format!("x {program} {{ 127.0.0.1:{port} [{port}|0|] ");
        assert!(shown.starts_with(&begin), "{shown}");
        assert!(shown.ends_with("/node.conf"), "{shown}");
        let refused = error(
            "ERR CONFIG SET failed (possibly related to argument 'proc-title-template') - template \
             format is invalid or contains unknown variables",
        );
        for wrong in ["{nothing}", "{Title}", "{title", ""] {
            assert_eq!(set(wrong), refused, "{program}: {wrong}");
        }
        assert_eq!(title(&server), shown, "{program}");
        // A title that is shorter leaves nothing of the one before, and one that is
        // longer than there is room is cut.
        assert_eq!(set("short"), status("OK"));
        assert_eq!(title(&server), "short");
        assert_eq!(set(&"long ".repeat(10_000)), status("OK"));
        assert!(title(&server).starts_with("long long long"));
    }
}

#[test]
fn without_titles_the_command_line_stays() {
    let server = node(&["set-proc-title no"]);
    let words = words(&server);
    assert_eq!(words[0], PROGRAM);
    assert!(words[1].ends_with("node.conf"), "{words:?}");
}
