//! The HTML page: bars of CPU per operation and throughput, curves of latency, and the whole table below them.
//!
//! One file with inline SVG and no script, so that it can be kept, sent and read anywhere.

use hdrhistogram::Histogram;

use crate::record::{Curve, Record, Row, median, range};
use crate::report::{ratio, short};

const COLOURS: [&str; 2] = ["#2563a8", "#b4552d"];
const WIDTH: f64 = 460.0;
const HEIGHT: f64 = 250.0;
/// Room for the labels left of and below a plot.
const LEFT: f64 = 60.0;
const BOTTOM: f64 = 34.0;
const TOP: f64 = 12.0;
/// Shares of requests at which a latency curve is drawn and labelled.
const SHARES: [(f64, &str); 6] = [
    (0.0, "0"),
    (0.9, "90 %"),
    (0.99, "99 %"),
    (0.999, "99.9 %"),
    (0.9999, "99.99 %"),
    (0.99999, "99.999 %"),
];

/// The page as text.
pub fn page(record: &Record) -> String {
    let mut text = String::from(HEAD);
    text.push_str("<h1>Load</h1><p>");
    for (side, name) in record.names.iter().enumerate() {
        text.push_str(&format!(
            "<span style=\"color:{}\">&#9632;</span> {} &nbsp; ",
            COLOURS[side],
            escaped(name)
        ));
    }
    text.push_str("</p><table>");
    for (name, value) in &record.context {
        text.push_str(&format!(
            "<tr><th>{name}</th><td class=\"text\">{}</td></tr>",
            escaped(value)
        ));
    }
    text.push_str("</table>");
    for remark in &record.remarks {
        text.push_str(&format!("<p>{}</p>", escaped(remark)));
    }
    for measure in ["CPU per operation", "throughput"] {
        let rows: Vec<&Row> = record
            .rows
            .iter()
            .filter(|row| row.measure == measure)
            .collect();
        if let Some(first) = rows.first() {
            text.push_str(&format!(
                "<h2>{measure} [{}]</h2>{}",
                first.unit,
                bars(&rows)
            ));
        }
    }
    if !record.curves.is_empty() {
        text.push_str(
            "<h2>Latency [µs] by share of requests, all rounds together</h2><div class=\"plots\">",
        );
        for curve in &record.curves {
            text.push_str(&format!(
                "<figure><figcaption>{}</figcaption>{}</figure>",
                escaped(&curve.test),
                latencies(curve)
            ));
        }
        text.push_str("</div>");
    }
    text.push_str("<h2>All measures</h2>");
    text.push_str(&table(record));
    text.push_str("</body></html>\n");
    text
}

const HEAD: &str = "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>basalt: load</title><style>\
body{font:15px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem;color:#222}\
h2{margin-top:2rem;font-size:1.15rem}table{border-collapse:collapse}th,td{padding:.15rem .7rem;text-align:right}\
th{font-weight:600;text-align:left}td.text{text-align:left}tr.test th{padding-top:.9rem}.plots{display:flex;flex-wrap:wrap;gap:1rem}\
figure{margin:0}figcaption{font-weight:600}svg text{font:11px system-ui,sans-serif;fill:#444}</style></head><body>";

/// Two bars per test with the range over the rounds as a thin line.
fn bars(rows: &[&Row]) -> String {
    let (bar, gap, label, full) = (13.0, 12.0, 230.0, 860.0);
    let height = rows.len() as f64 * (2.0 * bar + gap);
    let most = rows
        .iter()
        .flat_map(|row| row.ours.iter().chain(&row.theirs))
        .copied()
        .fold(1e-9, f64::max);
    let scale = (full - label - 190.0) / most;
    let mut text = format!("<svg width=\"{full}\" height=\"{height}\" role=\"img\">");
    for (at, row) in rows.iter().enumerate() {
        let top = at as f64 * (2.0 * bar + gap);
        text.push_str(&format!(
            "<text x=\"0\" y=\"{}\">{}</text>",
            top + bar + 4.0,
            escaped(&row.test)
        ));
        for (side, values) in [&row.ours, &row.theirs].into_iter().enumerate() {
            let (y, middle, (smallest, largest)) =
                (top + side as f64 * bar, median(values), range(values));
            let (width, colour) = (middle * scale, COLOURS[side]);
            let inner = bar - 1.0;
            text.push_str(&format!("<rect x=\"{label}\" y=\"{y}\" width=\"{width:.1}\" height=\"{inner}\" fill=\"{colour}\"/>"));
            let (from, to, line) = (
                label + smallest * scale,
                label + largest * scale,
                y + bar / 2.0,
            );
            text.push_str(&format!(
                "<path d=\"M{from:.1} {line}H{to:.1}\" stroke=\"#111\"/>"
            ));
            let note = if side == 0 {
                format!("{}  ratio {}", short(middle), ratio(row))
            } else {
                short(middle)
            };
            let x = label + largest.max(middle) * scale + 6.0;
            text.push_str(&format!(
                "<text x=\"{x:.1}\" y=\"{}\">{note}</text>",
                y + bar - 3.0
            ));
        }
    }
    text.push_str("</svg>");
    text
}

/// Latency (logarithmic) over the share of requests (each step of x a tenth of the rest).
fn latencies(curve: &Curve) -> String {
    let sides = [&curve.ours, &curve.theirs];
    let lowest = sides
        .iter()
        .map(|side| at(side, 0.01))
        .fold(f64::MAX, f64::min)
        .max(0.1);
    let highest = sides.iter().map(|side| at(side, 1.0)).fold(1.0, f64::max);
    let (bottom, top) = (
        lowest.log10().floor(),
        highest.log10().ceil().max(lowest.log10().floor() + 1.0),
    );
    let x = |share: f64| LEFT - (1.0 - share).log10() / 5.0 * (WIDTH - LEFT - 10.0);
    let y = |value: f64| {
        let height = (value.max(0.1).log10() - bottom) / (top - bottom);
        HEIGHT - BOTTOM - height.clamp(0.0, 1.0) * (HEIGHT - BOTTOM - TOP)
    };
    let mut text = format!("<svg width=\"{WIDTH}\" height=\"{HEIGHT}\" role=\"img\">");
    for power in bottom as i32..=top as i32 {
        let (value, right) = (10_f64.powi(power), WIDTH - 10.0);
        text.push_str(&format!("<path d=\"M{LEFT} {0:.1}H{right}\" stroke=\"#ddd\"/><text x=\"4\" y=\"{1:.1}\">{2}</text>", y(value), y(value) + 4.0, short(value)));
    }
    for (share, label) in SHARES {
        text.push_str(&format!(
            "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{label}</text>",
            x(share).min(WIDTH - 28.0),
            HEIGHT - 12.0
        ));
    }
    for (side, histogram) in sides.into_iter().enumerate() {
        let mut points = String::new();
        for step in 0..=100 {
            let share = 1.0 - 10_f64.powf(-f64::from(step) / 20.0);
            // Beyond the last request there is nothing to draw.
            if (1.0 - share) * histogram.len() as f64 >= 1.0 {
                points.push_str(&format!(
                    "{:.1},{:.1} ",
                    x(share),
                    y(at(histogram, share.max(0.01)))
                ));
            }
        }
        text.push_str(&format!(
            "<polyline points=\"{points}\" fill=\"none\" stroke=\"{}\" stroke-width=\"2\"/>",
            COLOURS[side]
        ));
    }
    text.push_str("</svg>");
    text
}

/// Latency in microseconds at a share of requests.
fn at(histogram: &Histogram<u64>, share: f64) -> f64 {
    histogram.value_at_quantile(share) as f64 / 1000.0
}

fn table(record: &Record) -> String {
    let mut text = String::from("<table>");
    let mut test = "";
    for row in &record.rows {
        if row.test != test {
            test = &row.test;
            let names = row.sides.each_ref().map(|name| escaped(name));
            text.push_str(&format!("<tr class=\"test\"><th>{}</th><td>{}</td><td>{}</td><td>ratio (min to max)</td></tr>", escaped(test), names[0], names[1]));
        }
        let unit = if row.unit.is_empty() {
            String::new()
        } else {
            format!(" [{}]", row.unit)
        };
        text.push_str(&format!(
            "<tr><td class=\"text\">{}{unit}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            row.measure,
            short(median(&row.ours)),
            short(median(&row.theirs)),
            ratio(row)
        ));
    }
    text.push_str("</table>");
    text
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
