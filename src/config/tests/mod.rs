//! Tests of the settings: their values, their readers, their page.

mod documentation;
mod reading;
mod values;
