"""Buying what is in a cart."""

from cart import add_line, total_price


def buy_all(names: list[str], prices: dict[str, int]) -> int:
    cart: dict[str, int] = {}
    for name in names:
        add_line(cart, name)
    return total_price(cart, prices)
