//! LOLWUT: a cliff of basalt columns, the same each time for the same size.

use crate::base::parse_i64;
use crate::command::scene::Scene;
use crate::command::table::{Command, Run};
use crate::resp::{Args, Outcome, Refusal, Reply};
use crate::spec::{Flags, Group, Spec};

use crate::command::REDIS_VERSION;

pub(crate) const COMMANDS: &[Command] = &[LOLWUT];

const LOLWUT: Command = Command {
    spec: Spec {
        name: "LOLWUT",
        usage: "[VERSION version:integer]",
        summary: "Draws a picture and names the version.",
        since: "5.0.0",
        cost: "",
        group: Group::Server,
        flags: Flags::READONLY.and(Flags::FAST),
        ..Spec::PLAIN
    },
    run: Run::Here(lolwut),
};

/// Columns and rows unless asked otherwise.
const COLUMNS: usize = 12;
const ROWS: usize = 14;
const COLUMNS_MAX: usize = 200;
const ROWS_MAX: usize = 200;

/// `LOLWUT [VERSION version [columns [rows]]]`.
fn lolwut(_: &mut Scene<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let mut sizes = [0, COLUMNS as i64, ROWS as i64];
    if args.is(1, b"version") {
        for (index, word) in args.tail(2).iter().enumerate() {
            let number = parse_i64(word).ok_or(Refusal::NotInteger)?;
            if let Some(size) = sizes.get_mut(index) {
                *size = number;
            }
        }
    }
    let within = |size: i64, most: usize| size.clamp(1, most as i64) as usize;
    let mut text = cliff(within(sizes[1], COLUMNS_MAX), within(sizes[2], ROWS_MAX));
    text.push_str("\nEvery column stands on its own. Redis ver. ");
    text.push_str(REDIS_VERSION);
    text.push('\n');
    reply.verbatim("txt", text.as_bytes());
    Ok(())
}

/// A hexagon seen from above, and what stands below it.
const TOP: [&str; 3] = [" __ ", "/  \\", "\\__/"];
const SIDE: &str = "|  |";

/// Columns side by side, higher ones behind.
fn cliff(columns: usize, rows: usize) -> String {
    let width = columns * 3 + 1;
    let mut canvas = vec![vec![' '; width]; rows + TOP.len()];
    let mut tops: Vec<(usize, usize)> = (0..columns)
        .map(|column| (top(column, columns, rows), column))
        .collect();
    tops.sort_unstable();
    for (top, column) in tops {
        let sides = std::iter::repeat(SIDE);
        let lines = TOP.into_iter().chain(sides);
        for (row, line) in canvas.iter_mut().skip(top).zip(lines) {
            for (place, mark) in row[column * 3..].iter_mut().zip(line.chars()) {
                // The corners of a hexagon's back belong to what is behind.
                if mark != ' ' || place_is_inside(line) {
                    *place = mark;
                }
            }
        }
    }
    let line = |row: &Vec<char>| row.iter().collect::<String>().trim_end().to_owned() + "\n";
    canvas.iter().map(line).collect()
}

fn place_is_inside(line: &str) -> bool {
    line != TOP[0]
}

/// The row where a column's top begins: a valley, with steps that look
/// broken. Neighbours differ by an odd number, as hexagons do.
fn top(column: usize, columns: usize, rows: usize) -> usize {
    let middle = columns.abs_diff(column * 2 + 1);
    let depth = rows - rows * middle / columns.max(1);
    let broken = (column * 7 + column / 3 * 5) % 4;
    let top = (depth * 2 / 3 + broken) & !1 | column & 1;
    top.min(rows.saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::cliff;

    #[test]
    fn any_size_is_drawn_within_its_lines() {
        for (columns, rows) in [(1, 1), (1, 200), (200, 1), (12, 14)] {
            let text = cliff(columns, rows);
            assert_eq!(text.lines().count(), rows + 3);
            assert!(text.lines().all(|line| line.len() <= columns * 3 + 1));
        }
    }

    #[test]
    fn one_column_is_a_prism() {
        assert_eq!(cliff(1, 1), " __\n/  \\\n\\__/\n|  |\n");
    }
}
