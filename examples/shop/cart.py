"""What a customer wants to buy. Prices are in cents."""

TAX_PERCENT = 19


def add_line(cart: dict[str, int], name: str, count: int = 1) -> None:
    cart[name] = cart.get(name, 0) + count


def total_price(cart: dict[str, int], prices: dict[str, int]) -> int:
    net = sum(prices[name] * count for name, count in cart.items())
    return net * (100 + TAX_PERCENT) // 100
