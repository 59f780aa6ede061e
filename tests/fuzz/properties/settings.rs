//! `redis.conf` of any bytes: what is taken is rewritten, and read again as the same.

use std::path::PathBuf;

use basalt::config::{Added, Arguments, Fault, Files, Loaded, load, rewrite};

fn read(text: &[u8]) -> Result<Loaded, Fault> {
    let arguments = Arguments {
        file: Some(PathBuf::from("a.conf")),
        ..Arguments::default()
    };
    let mut open = |path: &std::path::Path| match path.to_str() {
        Some("a.conf") => Ok(text.to_vec()),
        _ => Err(std::io::ErrorKind::NotFound.into()),
    };
    let mut files = Files {
        read: &mut open,
        expand: &mut |_| Vec::new(),
    };
    load(&arguments, &mut files)
}

pub fn check(text: &[u8]) {
    if let Ok(loaded) = read(text) {
        let again = rewrite(text, &loaded.settings, Added::Changed);
        let again = read(&again).expect("what is rewritten can be read");
        assert_eq!(again.settings, loaded.settings);
    }
}
