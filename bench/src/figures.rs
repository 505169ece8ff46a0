//! Medians and other quantiles. Enters: figures. Leaves: one of them.

/// The figure below which `share` of all are; they are put in order. 0 of none.
pub fn quantile(figures: &mut [f64], share: f64) -> f64 {
    figures.sort_by(f64::total_cmp);
    let last = figures.len().saturating_sub(1) as f64;
    figures.get((last * share).round() as usize).copied().unwrap_or(0.0)
}

/// The one in the middle.
pub fn median(figures: &[f64]) -> f64 {
    quantile(&mut figures.to_vec(), 0.5)
}
