"""Draws lines and bars as SVG."""

import math
import statistics
from xml.sax.saxutils import escape

COLOURS = ("#7f7f7f", "#1f77b4", "#d62728", "#2ca02c", "#9467bd")
WIDTH, HEIGHT = 760, 420
LEFT, RIGHT, TOP, BOTTOM = 70, 150, 40, 50


def text(x, y, words, anchor="middle", size=12, extra=""):
    return (f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" {extra}>'
            f"{escape(words)}</text>")


def page(title, parts):
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="sans-serif" fill="#222">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        text(LEFT, 24, title, "start", 15), *parts, "</svg>", ""])


def ticks(low, high, log):
    if log:
        return [factor * 10 ** power
                for power in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
                for factor in (1, 2, 5) if low <= factor * 10 ** power <= high]
    step = 10 ** math.floor(math.log10((high - low) / 4 or 1))
    step *= next(factor for factor in (1, 2, 5, 10) if (high - low) / (step * factor) <= 7)
    return [low + step * i for i in range(int((high - low) / step) + 1)]


def lines(title, x_name, y_name, series, log=False, limit=None):
    """series: [(label, {x: [values]}, dashed)]; the line is the median, the bar the spread."""
    points = [(x, value) for _, line, _ in series for x, values in line.items()
              for value in values]
    if not points:
        return page(title, [text(WIDTH / 2, HEIGHT / 2, "nothing measured")])
    x_max = max(x for x, _ in points)
    y_max = max([value for _, value in points] + [limit or 0]) * 1.1
    y_min = max(min(value for _, value in points) * 0.8, 1e-3) if log else 0
    level = (lambda y: math.log10(max(y, y_min))) if log else (lambda y: y)
    place_x = lambda x: LEFT + (WIDTH - LEFT - RIGHT) * x / x_max
    place_y = lambda y: HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (
        (level(y) - level(y_min or 0)) / (level(y_max) - level(y_min or 0)))
    parts = []
    for y in ticks(y_min, y_max, log):
        parts += [f'<path d="M{LEFT} {place_y(y):.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>',
                  text(LEFT - 6, place_y(y) + 4, f"{y:g}", "end")]
    for x in ticks(0, x_max, False):
        parts += [f'<path d="M{place_x(x):.1f} {TOP}V{HEIGHT - BOTTOM}" stroke="#eee"/>',
                  text(place_x(x), HEIGHT - BOTTOM + 18, f"{x:g}")]
    parts += [text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, x_name),
              text(18, HEIGHT / 2, y_name, extra=f'transform="rotate(-90 18 {HEIGHT / 2})"')]
    labels = list(dict.fromkeys(label.split(",")[0] for label, _, _ in series))
    for row, (label, line, dashed) in enumerate(series):
        colour = COLOURS[labels.index(label.split(",")[0]) % len(COLOURS)]
        dash = ' stroke-dasharray="5 4"' if dashed else ""
        where = [(place_x(x), place_y(statistics.median(line[x]))) for x in sorted(line)]
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y in where)
        parts.append(f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>')
        for (x, y), count in zip(where, sorted(line)):
            low, high = place_y(min(line[count])), place_y(max(line[count]))
            parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>',
                      f'<path d="M{x:.1f} {low:.1f}V{high:.1f}" stroke="{colour}"/>']
        y = TOP + 14 + 20 * row
        parts += [f'<path d="M{WIDTH - RIGHT + 12} {y - 4}h24" stroke="{colour}" '
                  f'stroke-width="2"{dash}/>', text(WIDTH - RIGHT + 42, y, label, "start")]
    return page(title, parts)


def bars(title, y_name, groups):
    """groups: [(group, [(label, [values])])]"""
    y_max = max(max(values) for _, members in groups for _, values in members) * 1.15
    place_y = lambda y: HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * y / y_max
    parts = [text(18, HEIGHT / 2, y_name, extra=f'transform="rotate(-90 18 {HEIGHT / 2})"')]
    for y in ticks(0, y_max, False):
        parts += [f'<path d="M{LEFT} {place_y(y):.1f}H{WIDTH - 20}" stroke="#ddd"/>',
                  text(LEFT - 6, place_y(y) + 4, f"{y:g}", "end")]
    room = (WIDTH - LEFT - 20) / len(groups)
    for number, (group, members) in enumerate(groups):
        left = LEFT + room * number
        width = room * 0.7 / len(members)
        parts.append(text(left + room / 2, HEIGHT - 12, group))
        for index, (label, values) in enumerate(members):
            x, middle = left + room * 0.15 + width * index, statistics.median(values)
            parts += [f'<rect x="{x:.1f}" y="{place_y(middle):.1f}" width="{width - 8:.1f}" '
                      f'height="{HEIGHT - BOTTOM - place_y(middle):.1f}" fill="{COLOURS[index]}"/>',
                      f'<path d="M{x + width / 2 - 4:.1f} {place_y(min(values)):.1f}'
                      f'V{place_y(max(values)):.1f}" stroke="#222"/>',
                      text(x + width / 2 - 4, HEIGHT - BOTTOM + 16, label, size=11),
                      text(x + width / 2 - 4, place_y(max(values)) - 5, f"{middle:.3f}", size=11)]
    return page(title, parts)
