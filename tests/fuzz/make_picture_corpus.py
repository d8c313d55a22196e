#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/fuzz/corpus/fuzz_picture: one small image of every kind that is
read, and some that are refused. Needs the Pillow package; the files are kept
in the tree, so this runs only when one is added.

usage: make_picture_corpus.py [FOLDER]
"""
import pathlib
import struct
import sys

from PIL import Image


def gradient(mode):
    """Red grows to the right, green downwards, blue is 200."""
    image = Image.new("RGBA", (6, 4))
    for y in range(4):
        for x in range(6):
            image.putpixel((x, y), (x * 50, y * 80, 200, 255 - x * 20))
    return image.convert(mode)


def main():
    here = pathlib.Path(__file__).resolve().parent
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else \
        here / "corpus/fuzz_picture"
    folder.mkdir(parents=True, exist_ok=True)
    for mode in ("RGB", "RGBA", "L", "LA", "P", "1"):
        gradient(mode).save(folder / f"{mode.lower()}.png")
    gradient("RGB").save(folder / "base.jpg", quality=95, subsampling=0)
    gradient("RGB").save(folder / "progressive.jpg", progressive=True)
    gradient("L").save(folder / "grey.jpg")
    gradient("CMYK").save(folder / "cmyk.jpg")
    gradient("RGB").save(folder / "colours.bmp")
    gradient("P").save(folder / "palette.bmp")
    gradient("RGBA").save(folder / "alpha.bmp")
    jpeg = (folder / "base.jpg").read_bytes()
    (folder / "cut.jpg").write_bytes(jpeg[:len(jpeg) * 3 // 4])
    png = (folder / "rgb.png").read_bytes()
    (folder / "cut.png").write_bytes(png[:-20])
    (folder / "huge.bmp").write_bytes(
        b"BM" + struct.pack("<IHHI", 0, 0, 0, 54)
        + struct.pack("<IiiHHIIiiII", 40, 60000, 60000, 1, 24, 0, 0, 0, 0, 0,
                      0))


if __name__ == "__main__":
    main()
