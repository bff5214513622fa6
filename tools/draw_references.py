#!/usr/bin/env python3
"""Draws the reference pictures of the example shows: flat shapes, one palette, small PNG files.

Needs nothing but Python's own library. Run it from the repository's root; it writes the same bytes
every time, so that pictures already bought for the example stay what they are.
"""

import struct
import zlib
from pathlib import Path

INK = (38, 43, 51)
PAPER = (236, 229, 214)


class Picture:
    """A picture of palette colours, painted shape upon shape."""

    def __init__(self, width, height, ground):
        self.width, self.height = width, height
        self.palette = [ground]
        self.rows = [bytearray(width) for _ in range(height)]

    def _colour(self, colour):
        if colour not in self.palette:
            self.palette.append(colour)
        return self.palette.index(colour)

    def _span(self, y, left, right, colour):
        if 0 <= y < self.height:
            left, right = max(0, round(left)), min(self.width, round(right))
            if left < right:
                self.rows[y][left:right] = bytes([colour]) * (right - left)

    def box(self, left, top, right, bottom, colour):
        number = self._colour(colour)
        for y in range(int(top), int(bottom)):
            self._span(y, left, right, number)

    def oval(self, x, y, rx, ry, colour, only=None):
        """Paints an oval, or only its upper or lower half."""
        number = self._colour(colour)
        for row in range(int(y - ry), int(y + ry) + 1):
            if (only == "upper" and row > y) or (only == "lower" and row < y):
                continue
            rest = 1 - ((row - y) / ry) ** 2
            if rest > 0:
                half = rx * rest**0.5
                self._span(row, x - half, x + half, number)

    def shape(self, points, colour):
        number = self._colour(colour)
        ys = [y for _, y in points]
        for row in range(int(min(ys)), int(max(ys)) + 1):
            level = row + 0.5
            crossings = []
            for (x1, y1), (x2, y2) in zip(points, points[1:] + points[:1]):
                if (y1 <= level) != (y2 <= level):
                    crossings.append(x1 + (level - y1) * (x2 - x1) / (y2 - y1))
            crossings.sort()
            for left, right in zip(crossings[::2], crossings[1::2]):
                self._span(row, left, right, number)

    def save(self, path):
        def chunk(kind, body):
            crc = zlib.crc32(kind + body)
            return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", crc)

        header = struct.pack(">IIBBBBB", self.width, self.height, 8, 3, 0, 0, 0)
        lines = b"".join(b"\0" + bytes(row) for row in self.rows)
        palette = b"".join(bytes(colour) for colour in self.palette)
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(
            b"\x89PNG\r\n\x1a\n"
            + chunk(b"IHDR", header)
            + chunk(b"PLTE", palette)
            + chunk(b"IDAT", zlib.compress(lines, 9))
            + chunk(b"IEND", b"")
        )


class Person:
    """What stays the same of a person in every picture."""

    def __init__(self, skin, hair, coat, trousers, cut, beard=None, cap=None):
        self.skin, self.hair, self.coat, self.trousers = skin, hair, coat, trousers
        self.cut, self.beard, self.cap = cut, beard, cap

    def head(self, on, x, y, size):
        if self.cut == "long":
            on.box(x - 1.05 * size, y, x + 1.05 * size, y + 1.5 * size, self.hair)
        if self.cut == "braids":
            for side in (-1, 1):
                on.oval(x + side * 0.95 * size, y + 0.8 * size, 0.22 * size, 0.75 * size, self.hair)
        on.oval(x, y - 0.1 * size, 1.05 * size, 1.2 * size, self.hair, only="upper")
        on.box(x - 0.3 * size, y + 0.7 * size, x + 0.3 * size, y + 1.5 * size, self.skin)
        on.oval(x, y, 0.9 * size, 1.12 * size, self.skin)
        on.oval(x, y - 0.35 * size, 0.92 * size, 0.8 * size, self.hair, only="upper")
        if self.beard:
            on.oval(x, y + 0.35 * size, 0.86 * size, 0.85 * size, self.beard, only="lower")
        if self.cap:
            on.oval(x, y - 0.5 * size, 1.0 * size, 0.7 * size, self.cap, only="upper")
            on.box(x - 1.15 * size, y - 0.55 * size, x + 1.15 * size, y - 0.4 * size, self.cap)
        for side in (-1, 1):
            on.oval(x + side * 0.36 * size, y + 0.02 * size, 0.1 * size, 0.12 * size, INK)
        on.shape([(x - 0.08 * size, y + 0.38 * size), (x + 0.08 * size, y + 0.38 * size),
                  (x, y + 0.12 * size)], tuple(int(c * 0.86) for c in self.skin))
        on.box(x - 0.26 * size, y + 0.58 * size, x + 0.26 * size, y + 0.65 * size, (150, 70, 64))

    def face(self, path, ground=PAPER):
        on = Picture(512, 512, ground)
        on.oval(256, 560, 230, 170, self.coat)
        self.head(on, 256, 230, 130)
        on.save(path)

    def figure(self, on, x, top, size, coat=None, hood=False):
        coat = coat or self.coat
        for side in (-1, 1):
            on.box(x + side * 0.55 * size - 0.38 * size, top + 5.4 * size,
                   x + side * 0.55 * size + 0.38 * size, top + 8.6 * size, self.trousers)
            on.box(x + side * 0.6 * size - 0.5 * size, top + 8.4 * size,
                   x + side * 0.6 * size + 0.5 * size, top + 8.9 * size, INK)
        on.shape([(x - 1.1 * size, top + 2.4 * size), (x + 1.1 * size, top + 2.4 * size),
                  (x + 1.6 * size, top + 6.2 * size), (x - 1.6 * size, top + 6.2 * size)], coat)
        for side in (-1, 1):
            on.shape([(x + side * 1.0 * size, top + 2.4 * size), (x + side * 1.5 * size, top + 2.7 * size),
                      (x + side * 2.0 * size, top + 5.4 * size), (x + side * 1.5 * size, top + 5.5 * size)], coat)
            on.oval(x + side * 1.75 * size, top + 5.6 * size, 0.28 * size, 0.28 * size, self.skin)
        if hood:
            on.oval(x, top + 1.2 * size, 1.35 * size, 1.5 * size, coat)
        self.head(on, x, top + 1.2 * size, 0.95 * size)

    def body(self, path, coat=None, hood=False, ground=PAPER):
        on = Picture(360, 640, ground)
        self.figure(on, 180, 40, 62, coat, hood)
        on.save(path)

    def sheet(self, path):
        on = Picture(768, 512, PAPER)
        self.head(on, 150, 210, 80)
        self.figure(on, 380, 40, 46)
        self.figure(on, 610, 40, 46, hood=True)
        on.save(path)


def quay(path):
    on = Picture(640, 360, (176, 190, 197))
    on.box(0, 190, 640, 260, (94, 122, 133))
    for x, height in ((60, 120), (250, 150), (540, 135)):
        on.box(x, 190 - height, x + 10, 200, (92, 74, 60))
        on.shape([(x + 5, 190 - height), (x + 95, 210 - height), (x + 95, 217 - height), (x + 5, 200 - height)],
                 (92, 74, 60))
    on.shape([(0, 250), (640, 225), (640, 360), (0, 360)], (143, 125, 102))
    for number in range(9):
        on.shape([(number * 80 - 30, 360), (number * 80 - 24, 360), (number * 62 + 84, 240), (number * 62 + 80, 240)],
                 (112, 96, 78))
    for x in (90, 330, 570):
        on.box(x, 215, x + 22, 275, INK)
        on.oval(x + 11, 215, 18, 9, INK)
    on.save(path)


def lamp_room(path, sky=(196, 208, 208), floor=(120, 104, 88)):
    on = Picture(640, 480, sky)
    on.box(0, 360, 640, 480, floor)
    for x in (20, 160, 300, 440, 580):
        on.box(x, 0, x + 14, 370, (70, 78, 84))
    on.box(0, 170, 640, 180, (70, 78, 84))
    on.box(270, 330, 370, 420, (88, 66, 48))
    lens(on, 320, 230, 1.0)
    on.save(path)


def lens(on, x, y, size):
    on.oval(x, y, 84 * size, 104 * size, (156, 118, 52))
    for step, tone in enumerate(((222, 196, 128), (236, 216, 158), (248, 238, 204))):
        on.oval(x, y, (70 - 20 * step) * size, (90 - 26 * step) * size, tone)
    on.box(x - 96 * size, y + 96 * size, x + 96 * size, y + 112 * size, (110, 82, 38))


def lantern(path):
    on = Picture(400, 400, PAPER)
    on.box(190, 40, 210, 90, INK)
    on.shape([(130, 130), (270, 130), (230, 80), (170, 80)], (84, 92, 72))
    on.box(140, 130, 260, 300, (244, 214, 120))
    for x in (136, 196, 256):
        on.box(x, 130, x + 8, 300, (84, 92, 72))
    on.box(120, 300, 280, 340, (84, 92, 72))
    on.save(path)


def board(path):
    """A storyboard: two figures small against a window, the horizon low."""
    on = Picture(640, 360, (250, 250, 248))
    on.box(0, 270, 640, 274, INK)
    on.box(40, 30, 600, 36, INK)
    for x in (40, 226, 412, 596):
        on.box(x, 30, x + 5, 270, INK)
    for x in (180, 250):
        on.oval(x, 190, 16, 18, INK)
        on.shape([(x - 22, 212), (x + 22, 212), (x + 30, 300), (x - 30, 300)], (120, 124, 130))
    on.save(path)


def main():
    show = "manifests/harbour/"
    ines = Person((214, 170, 138), (44, 36, 34), (52, 72, 96), (58, 58, 66), "long", cap=(36, 50, 68))
    tomas = Person((228, 190, 164), (196, 196, 192), (102, 84, 66), (70, 70, 62), "short", beard=(206, 204, 198))
    wren = Person((156, 108, 80), (122, 58, 36), (152, 64, 52), (84, 88, 100), "braids")
    ines.face(show + "bible/ines/face.png")
    ines.body(show + "bible/ines/body.png")
    ines.body(show + "bible/ines/oilskin.png", coat=(222, 182, 54), hood=True)
    tomas.face(show + "bible/tomas/face.png", ground=(222, 226, 220))
    tomas.body(show + "bible/tomas/body.png", ground=(222, 226, 220))
    wren.face(show + "bible/wren/face.png", ground=(240, 222, 206))
    wren.sheet(show + "bible/wren/sheet.png")
    wren.body(show + "bible/wren/blanket.png", coat=(150, 150, 158), hood=True, ground=(240, 222, 206))
    quay(show + "bible/places/quay.png")
    lamp_room(show + "bible/places/lamp_room.png")
    lantern(show + "bible/props/lantern.png")
    board(show + "boards/lmp_0200.png")
    lamp_room(show + "boards/lmp_0220.png", sky=(238, 214, 178), floor=(150, 130, 108))
    stand_in = Person((216, 176, 148), (72, 58, 48), (92, 118, 104), (60, 60, 66), "short")
    stand_in.face("src/cli/commands/init/face.png")


if __name__ == "__main__":
    main()
