//! A pin keeps out every draft, also one that would be equal: nothing changes for the category until it is unpinned.

use super::Order;

/// Whether the operator keeps a generation of the category.
pub(super) fn objects(order: Order) -> bool {
    order == Order::Pinned
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_alone_decides() {
        let orders = [Order::None, Order::Accepted, Order::Pinned];
        assert_eq!(orders.map(objects), [false, false, true]);
    }
}
