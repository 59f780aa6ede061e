//! The table on stdout and the lines of results.jsonl.

use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use crate::record::{Record, Row, median, range};

/// The table: one line per measure, medians over the rounds, the ratio with its smallest and largest round.
pub fn table(record: &Record) -> String {
    let mut text = String::new();
    for (name, value) in &record.context {
        text.push_str(&format!("{name}: {value}\n"));
    }
    let mut test = "";
    for row in &record.rows {
        if row.test != test {
            test = &row.test;
            let [ours, theirs] = &row.sides;
            text.push_str(&format!(
                "\n{test:<42} {ours:>13} {theirs:>13}  ratio (min to max)\n"
            ));
        }
        let measure = if row.unit.is_empty() {
            row.measure.to_owned()
        } else {
            format!("{} [{}]", row.measure, row.unit)
        };
        let values = [&row.ours, &row.theirs].map(|values| short(median(values)));
        text.push_str(&format!(
            "  {measure:<40} {:>13} {:>13}  {}\n",
            values[0],
            values[1],
            ratio(row)
        ));
    }
    text.push('\n');
    for remark in &record.remarks {
        text.push_str(&format!("{remark}\n"));
    }
    text
}

/// `0.81 (0.79 to 0.84)`, or `-` where the right side is 0.
pub fn ratio(row: &Row) -> String {
    let ratios = row.ratios();
    if ratios.is_empty() {
        return "-".to_owned();
    }
    let (smallest, largest) = range(&ratios);
    format!("{:.2} ({smallest:.2} to {largest:.2})", median(&ratios))
}

/// A number with three to four significant digits, thousands apart.
pub fn short(value: f64) -> String {
    match value.abs() {
        size if size >= 1000.0 => {
            let digits = format!("{value:.0}");
            let mut text = String::new();
            for (at, digit) in digits.chars().enumerate() {
                if at > 0 && (digits.len() - at).is_multiple_of(3) {
                    text.push(' ');
                }
                text.push(digit);
            }
            text
        }
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// Appends one JSON object per row to the file, so that results of many days and machines stand in one place.
pub fn append_lines(record: &Record, file: &Path) -> io::Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut text = String::new();
    for row in &record.rows {
        text.push('{');
        for (name, value) in &record.context {
            text.push_str(&format!("{}:{},", quoted(name), quoted(value)));
        }
        let ratios = row.ratios();
        let (smallest, largest) = range(&ratios);
        text.push_str(&format!(
            "\"test\":{},\"measure\":{},\"unit\":{},",
            quoted(&row.test),
            quoted(row.measure),
            quoted(row.unit)
        ));
        text.push_str(&format!(
            "\"ours\":{:?},\"theirs\":{:?},",
            row.ours, row.theirs
        ));
        if !ratios.is_empty() {
            text.push_str(&format!(
                "\"ratio\":{},\"ratio_min\":{smallest},\"ratio_max\":{largest},",
                median(&ratios)
            ));
        }
        let sides = row.sides.each_ref().map(|name| quoted(name));
        text.push_str(&format!("\"sides\":[{},{}]}}\n", sides[0], sides[1]));
    }
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(file)?
        .write_all(text.as_bytes())
}

/// A JSON string.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            letter if letter.is_control() => {
                write!(quoted, "\\u{:04x}", u32::from(letter))
                    .expect("writing to a String cannot fail");
            }
            letter => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}
