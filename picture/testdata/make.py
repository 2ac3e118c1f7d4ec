"""Writes the pictures that the tests decode, and under want/ what Pillow makes of them.

Run it where it stands, with Pillow 9.4 and NumPy. Files that Pillow cannot write are put
together here: GIFs with frames off their canvas, PNGs of 16 bits, interlaced ones, and those
that declare what they do not have.
"""

import io
import os
import shutil
import struct
import zlib

import numpy as np
from PIL import Image, ImageOps

WIDTH, HEIGHT = 12, 7


def colour(width=WIDTH, height=HEIGHT):
    """A smooth picture that looks different however it is turned."""
    y, x = np.mgrid[0:height, 0:width]
    red, green = 20 + 200 * x / width, 20 + 200 * y / height
    return np.stack([red, green, 220 - (red + green) / 2], -1).astype(np.uint8)


def grey(width=WIDTH, height=HEIGHT):
    return colour(width, height) @ np.array([2, 1, 0], np.uint16) // 3


def exif(orientation, order):
    """EXIF data of one entry, in Intel's ("<") or Motorola's (">") byte order."""
    magic = b"II*\0" if order == "<" else b"MM\0*"
    return magic + struct.pack(order + "IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)


def write(name, data):
    with open(name, "wb") as f:
        f.write(data)


def want(name, image=None):
    """Writes what Pillow makes of a file: upright, and in the simplest mode that has it all."""
    if image is None:
        image = ImageOps.exif_transpose(Image.open(name))
        if image.mode == "P" or "transparency" in image.info:
            image = image.convert("RGBA")
        if image.mode == "CMYK":
            image = image.convert("RGB")
    image.info.clear()
    image.save(f"want/{name}.png", optimize=True)


def saved(name, image, format=None, **options):
    image.save(name, format, **options)
    want(name)


# PNG


def chunk(name, content):
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png(width, height, depth, kind, rows, *others, interlaced=0):
    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, interlaced)
    return b"".join(
        [b"\x89PNG\r\n\x1a\n", chunk(b"IHDR", header), *others, chunk(b"IDAT", zlib.compress(rows, 9)), chunk(b"IEND", b"")]
    )


def lines(pixels):
    """The rows of an array of bytes or big-endian numbers, none of them filtered."""
    return b"".join(b"\0" + row.tobytes() for row in pixels)


def adam7(pixels):
    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    parts = [pixels[y::down, x::across] for x, y, across, down in passes]
    return b"".join(lines(p) for p in parts if p.size)


# GIF


def gif(screen, frames, colours, first_control=b"", trailer=b";"):
    """A GIF of frames (left, top, array of indices below 128), with one table of 128 colours.

    Its codes are 8 bits wide: a table that is cleared often enough never needs wider ones.
    """
    out = b"GIF89a" + struct.pack("<HHBBB", *screen, 0xF6, 0, 0) + bytes(colours).ljust(3 * 128, b"\0")
    for i, (left, top, pixels) in enumerate(frames):
        height, width = pixels.shape
        data = pixels.tobytes()
        codes = b"".join(b"\x80" + data[j : j + 100] for j in range(0, len(data), 100)) + b"\x81"
        out += (first_control if i == 0 else b"") + b"," + struct.pack("<HHHHB", left, top, width, height, 0) + b"\x07"
        out += b"".join(bytes([len(codes[j : j + 255])]) + codes[j : j + 255] for j in range(0, len(codes), 255)) + b"\0"
    return out + trailer


def indices(width, height):
    y, x = np.mgrid[0:height, 0:width]
    return ((x * 5 + y * 3) % 64 + 1).astype(np.uint8)


COLOURS = sum(([i * 2, 255 - i * 2, i * 7 % 256] for i in range(65)), [])


def on_canvas(size, left, top, pixels):
    """What a GIF of one frame shows: what a transparent canvas has of the frame."""
    table = np.array(COLOURS + [0] * 3 * 63, np.uint8).reshape(-1, 3)
    height, width = pixels.shape
    canvas = np.zeros((max(size[1], top + height), max(size[0], left + width), 4), np.uint8)
    canvas[top : top + height, left : left + width] = np.dstack([table[pixels], np.full((height, width), 255, np.uint8)])
    return Image.fromarray(canvas[: size[1], : size[0]].copy())


def gifs():
    # Pillow fills what such a frame leaves of the canvas with the first colour of the table,
    # whatever that is; browsers show nothing there, and so is what the tests want.
    frame = indices(45, 43)
    write("animated.gif", gif((56, 56), [(8, 8, frame), (0, 0, indices(56, 56))], COLOURS))
    assert Image.open("animated.gif").convert("RGB").getpixel((0, 0)) == tuple(COLOURS[:3])
    want("animated.gif", on_canvas((56, 56), 8, 8, frame))

    # Pillow enlarges the canvas. The file says how large it is, so what lies beyond is cut, but for a
    # canvas of no size.
    frame = indices(9, 6)
    for name, screen, left, top, size, enlarged in [
        ("beyond.gif", (10, 8), 4, 5, (10, 8), (13, 11)),
        ("outside.gif", (10, 8), 20, 0, (10, 8), (29, 8)),
        ("no-screen.gif", (0, 0), 0, 0, (9, 6), (9, 6)),
    ]:
        write(name, gif(screen, [(left, top, frame)], COLOURS))
        assert Image.open(name).size == enlarged
        want(name, on_canvas(size, left, top, frame))

    # Where a colour is transparent, Pillow fills with that, and all agree.
    control = struct.pack("<BBBBHBB", 0x21, 0xF9, 4, 1, 0, 7, 0)
    write("transparent.gif", gif((12, 10), [(2, 3, frame)], COLOURS, control))
    want("transparent.gif")
    Image.fromarray(frame).convert("P").save("still.gif", interlace=1)
    want("still.gif")
    # An unknown extension, and a byte that begins no block.
    write("strange.gif", gif((9, 6), [(0, 0, frame)], COLOURS, b"!\x42\x03abc\0\x99"))
    want("strange.gif")


def webps():
    smooth = Image.fromarray(colour(64, 48))
    saved("lossy.webp", smooth, quality=95, method=6)
    ramp = (np.mgrid[0:16, 0:256][1] // 8 * 255 // 31).astype(np.uint8)
    saved("ramp.webp", Image.fromarray(ramp).convert("RGB"), quality=100, method=6)  # black to white
    saved("lossless.webp", smooth, lossless=True)
    alpha = smooth.copy()
    alpha.putalpha(Image.fromarray((np.mgrid[0:48, 0:64][1] * 4).astype(np.uint8)))
    saved("alpha.webp", alpha, quality=95, method=6)
    saved("lossless-alpha.webp", alpha, lossless=True, exact=True)
    saved("turned.webp", smooth, lossless=True, exif=exif(6, ">"))

    def riff(*chunks):
        body = b"WEBP" + b"".join(n + struct.pack("<I", len(c)) + c + b"\0" * (len(c) % 2) for n, c in chunks)
        return b"RIFF" + struct.pack("<I", len(body)) + body

    def u24(*numbers):
        return b"".join(struct.pack("<I", n)[:3] for n in numbers)

    def frame(image, left, top, **options):
        file = io.BytesIO()
        image.save(file, "WEBP", **options)
        data = file.getvalue()[12:]
        if data[:4] == b"VP8X":
            data = data[18:]
        return b"ANMF", u24(left // 2, top // 2, image.width - 1, image.height - 1, 100) + b"\2" + data

    for name, options in [("animated.webp", {"lossless": True, "exact": True}), ("animated-lossy.webp", {"quality": 95})]:
        head = (b"VP8X", b"\x12\0\0\0" + u24(79, 59)), (b"ANIM", b"\0\0\0\0\0\0")
        write(name, riff(*head, frame(alpha, 4, 6, **options), frame(smooth, 0, 0, lossless=True)))
        want(name)
    write("bomb.webp", riff((b"VP8X", b"\0\0\0\0" + u24(59999, 29999)), (b"VP8L", b"\x2f\0\0\0\0")))


def tiffs():
    rgb, l = Image.fromarray(colour()), Image.fromarray(grey().astype(np.uint8))
    saved("rgb.tiff", rgb, compression="tiff_deflate")
    saved("lzw.tiff", l, compression="tiff_lzw")
    saved("plain.tiff", rgb)
    saved("palette.tiff", rgb.convert("P", palette=Image.Palette.ADAPTIVE, colors=16))
    saved("grey16.tiff", Image.fromarray(grey().astype(np.uint16) * 257 + 3))
    # Pillow 9.4 turns such a file when it is loaded, and again when exif_transpose asks.
    rgb.save("turned.tiff", tiffinfo={274: 8})
    want("turned.tiff", Image.open("turned.tiff").convert("RGB"))
    rgb.save("pages.tiff", save_all=True, append_images=[rgb])
    want("pages.tiff")
    entries = [(256, 60000), (257, 60000), (258, 8), (259, 1), (262, 1), (273, 8), (277, 1), (278, 60000), (279, 4)]
    write("bomb.tiff", b"II*\0" + struct.pack("<IH", 8, len(entries)) + b"".join(struct.pack("<HHII", t, 4, 1, v) for t, v in entries) + b"\0" * 4)


def hostile(jpeg):
    """JPEGs whose EXIF data lead nowhere: nothing of them is turned."""

    def entry(tag=0x0112, kind=3, count=1, value=6):
        return struct.pack("<HHII", tag, kind, count, value)

    def tiff(entries, start=8, count=None, after=0):
        return b"II*\0" + struct.pack("<IH", start, len(entries) if count is None else count) + b"".join(entries) + struct.pack("<I", after)

    for name, data in {
        "cyclic": tiff([entry(0x8769, 4, 1, 8), entry(0x014A, 4, 1, 8)], after=8),
        "huge-count": tiff([entry(count=0xFFFFFFFF, value=8)]),
        "many-entries": tiff([entry()], count=0xFFFF),
        "far": tiff([entry()], start=0xFFFFFFF0),
        "value-far": tiff([entry(count=3, value=0xFFFFFFFE)]),
        "nine": tiff([entry(value=9)]),
        "a-float": tiff([entry(kind=11)]),
        "cut": tiff([entry()])[:12],
    }.items():
        data = b"Exif\0\0" + data
        write(f"hostile-{name}.jpg", jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(data) + 2) + data + jpeg[2:])


def scan(jpeg):
    """The parts of a JPEG of one scan: what is before its data, the data, and the end."""
    at = jpeg.index(b"\xff\xda")
    at += 2 + struct.unpack(">H", jpeg[at + 2 : at + 4])[0]
    return jpeg[:at], jpeg[at:-2], jpeg[-2:]


def more_jpegs():
    rgb = Image.fromarray(colour(45, 29))
    saved("422.jpg", rgb, quality=95, subsampling=1)
    saved("420.jpg", rgb, quality=95, subsampling=2)
    saved("progressive-420.jpg", rgb, quality=95, subsampling=2, progressive=True)
    saved("optimized.jpg", rgb, quality=30, subsampling=0, optimize=True)
    saved("pixel.jpg", Image.fromarray(colour(1, 1)), quality=95)
    saved("strip.jpg", Image.fromarray(colour(300, 1)), quality=95, subsampling=0)

    # A scan that starts anew every row of blocks is as many pictures of 8 rows.
    l = Image.fromarray(grey(40, 8 * 11).astype(np.uint8))
    rows = []
    for y in range(0, l.height, 8):
        file = io.BytesIO()
        l.crop((0, y, l.width, y + 8)).save(file, "JPEG", quality=95)
        rows.append(scan(file.getvalue()))
    head, _, end = rows[0]
    frame, begin = head.index(b"\xff\xc0"), head.index(b"\xff\xda")
    head = head[: frame + 5] + struct.pack(">H", l.height) + head[frame + 7 : begin] + struct.pack(">HHH", 0xFFDD, 4, 5) + head[begin:]
    data = b"".join(d + (struct.pack(">H", 0xFFD0 + i % 8) if i < len(rows) - 1 else b"") for i, (_, d, _) in enumerate(rows))
    write("restarts.jpg", head + data + end)
    want("restarts.jpg")

    plain = io.BytesIO()
    rgb.save(plain, "JPEG", quality=95, subsampling=0)
    plain = plain.getvalue()
    head, data, end = scan(plain)
    # Adobe's marker says what three and four components are.
    adobe = lambda transform: b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0" + bytes([transform])
    app0 = plain.index(b"\xff\xdb")  # JFIF's marker, which says that they are brightness and colours, goes
    write("rgb.jpg", plain[:2] + adobe(0) + plain[app0:])
    want("rgb.jpg")
    cmyk = open("cmyk.jpg", "rb").read()
    at = cmyk.index(b"Adobe") + 11
    write("ycck.jpg", cmyk[:at] + b"\2" + cmyk[at + 1 :])
    # Pillow 9.4 takes YCCK as it comes from libjpeg, inverted as Photoshop's.
    want("ycck.jpg")
    write("behind.jpg", plain + b"what cameras leave behind")
    want("behind.jpg")
    write("fill.jpg", head + data + b"\xff\xff\xff\xd9")
    want("fill.jpg")
    file = io.BytesIO()
    rgb.save(file, "JPEG", quality=95, subsampling=0, comment=b"x" * 500, icc_profile=b"no profile" * 40)
    write("segments.jpg", file.getvalue())
    want("segments.jpg")

    write("cut.jpg", plain[: len(plain) // 2])
    write("no-end.jpg", plain[:-2])
    write("zeroed.jpg", plain[: len(head) + len(data) // 3] + bytes(len(data) // 3 * 2) + end)
    write("head.jpg", plain[:200])
    write("no-tables.jpg", plain.replace(b"\xff\xc4", b"\xff\xfe"))
    write("twelve-bits.jpg", plain.replace(b"\xff\xc0\0\x11\x08", b"\xff\xc1\0\x11\x0c"))
    write("arithmetic.jpg", plain.replace(b"\xff\xc0", b"\xff\xc9"))
    write("lossless.jpg", plain.replace(b"\xff\xc0", b"\xff\xc3"))


def more_pngs():
    def bits(pixels, depth):
        """Rows of pixels of fewer than 8 bits."""
        rows = []
        for row in pixels:
            text = "".join(format(int(v), f"0{depth}b") for v in row)
            text += "0" * (-len(text) % 8)
            rows.append(b"\0" + bytes(int(text[i : i + 8], 2) for i in range(0, len(text), 8)))
        return b"".join(rows)

    g, c = grey(), colour()
    for depth in 2, 4:
        levels = g.astype(int) >> (8 - depth)
        write(f"grey{depth}.png", png(WIDTH, HEIGHT, depth, 0, bits(levels, depth)))
        want(f"grey{depth}.png", Image.fromarray((levels * 255 // (2**depth - 1)).astype(np.uint8)))
    for depth in 1, 2, 4:
        table = b"".join(bytes((i * 37 % 256, i * 91 % 256, 255 - i)) for i in range(2**depth))
        write(f"palette{depth}.png", png(WIDTH, HEIGHT, depth, 3, bits(g.astype(int) % 2**depth, depth), chunk(b"PLTE", table)))
        want(f"palette{depth}.png")
    alpha = np.dstack([c, 255 - g.astype(np.uint8)])
    saved("rgba.png", Image.fromarray(alpha), optimize=True)
    for name, kind, pixels in [("rgba16", 6, alpha), ("grey-alpha16", 4, alpha[:, :, 2:])]:
        write(f"{name}.png", png(WIDTH, HEIGHT, 16, kind, lines(pixels.astype(">u2") * 257)))
        want(f"{name}.png", Image.fromarray(pixels if kind == 6 else np.dstack([pixels[:, :, :1]] * 3 + [pixels[:, :, 1:]])))
    r, gr, b = (int(v) for v in c[2, 5])
    write("transparent.png", png(WIDTH, HEIGHT, 8, 2, lines(c), chunk(b"tRNS", struct.pack(">HHH", r, gr, b))))
    want("transparent.png")
    write("interlaced16.png", png(WIDTH, HEIGHT, 16, 0, adam7((g.astype(np.uint16) * 257 + 3).astype(">u2")), interlaced=1))
    want("interlaced16.png", Image.fromarray(g.astype(np.uint16) * 257 + 3))
    filtered = b"".join(bytes([y % 5]) + row.tobytes() for y, row in enumerate(c))
    write("filters.png", png(WIDTH, HEIGHT, 8, 2, filtered))
    want("filters.png")
    saved("pixel.png", Image.fromarray(colour(1, 1)))
    whole = open("rgba.png", "rb").read()
    write("cut.png", whole[: len(whole) * 2 // 3])
    write("checksum.png", whole[:-20] + b"\x55" + whole[-19:])
    write("zeroed.png", whole[:60] + bytes(len(whole) - 60))
    write("zero-wide.png", png(0, 5, 8, 2, b""))
    write("filter-9.png", png(WIDTH, HEIGHT, 8, 2, b"\x09" + lines(c)[1:]))
    write("no-palette.png", png(WIDTH, HEIGHT, 8, 3, lines(g.astype(np.uint8))))


def more_others():
    rgb, l = Image.fromarray(colour()), Image.fromarray(grey().astype(np.uint8))
    gif_file = open("still.gif", "rb").read()
    write("cut.gif", gif_file[: len(gif_file) - 60])
    write("still.png", gif_file)  # not what its name says
    want("still.png")
    lossy = open("lossy.webp", "rb").read()
    write("cut.webp", lossy[: len(lossy) // 2])
    write("webp.jpg", lossy)
    want("webp.jpg")
    saved("bits.bmp", l.convert("1"))
    saved("palette4.bmp", rgb.quantize(16))
    bmp = open("rgb.bmp", "rb").read()
    write("cut.bmp", bmp[:-50])
    row = 3 * WIDTH
    rows = [bmp[54 + y * row : 54 + (y + 1) * row] for y in range(HEIGHT)]
    write("top-down.bmp", bmp[:22] + struct.pack("<i", -HEIGHT) + bmp[26:54] + b"".join(reversed(rows)))
    want("top-down.bmp", rgb.copy())
    write("sixteen.bmp", bmp[:28] + struct.pack("<H", 16) + bmp[30:])
    alpha = rgb.copy()
    alpha.putalpha(l)
    saved("alpha.tiff", alpha)
    saved("bits.tiff", l.convert("1"))
    saved("packbits.tiff", rgb, compression="packbits")
    saved("predictor.tiff", rgb, compression="tiff_lzw", tiffinfo={317: 2})
    rgb.convert("CMYK").save("cmyk.tiff")
    Image.fromarray(grey().astype(np.float32)).save("float.tiff")
    rgb.save("jpeg.tiff", compression="jpeg")
    tiff = open("plain.tiff", "rb").read()
    write("cut.tiff", tiff[:-100])
    for name in "text.jpg", "page.gif":
        write(name, b"<html><body>404: no such picture</body></html>")
    write("zeros.jpg", bytes(300))
    write("empty.jpg", b"")
    write("film.jpg", struct.pack(">I", 24) + b"ftypisom\0\0\2\0isomiso2")
    write("packed.png", b"\x1f\x8b\x08\0\0\0\0\0\0\3" + bytes(20))


def main():
    shutil.rmtree("want", ignore_errors=True)
    os.mkdir("want")
    rgb, l = Image.fromarray(colour()), Image.fromarray(grey().astype(np.uint8))

    for orientation in range(1, 9):
        for kind, image in ("colour", rgb), ("grey", l):
            data = exif(orientation, "<>"[orientation % 2])
            saved(f"{kind}-{orientation}.png", image, optimize=True, exif=data)
            saved(f"{kind}-{orientation}.jpg", image, quality=95, subsampling=0, exif=b"Exif\0\0" + data)

    saved("progressive.jpg", Image.fromarray(colour(40, 24)), quality=95, subsampling=0, progressive=True)
    saved("subsampled.jpg", Image.fromarray(colour(41, 23)), quality=95, subsampling=2, exif=b"Exif\0\0" + exif(7, "<"))
    saved("cmyk.jpg", rgb.convert("CMYK"), quality=95)
    saved("png.jpg", rgb, "PNG")  # not what its name says

    l.save("plain.jpg", quality=95)
    plain = open("plain.jpg", "rb").read()
    os.remove("plain.jpg")
    hostile(plain)
    frame = plain.index(b"\xff\xc0")
    write("bomb.jpg", plain[: frame + 5] + struct.pack(">HH", 60000, 60000) + plain[frame + 9 :])

    deep = colour().astype(">u2") * 257 + 3
    write("rgb16.png", png(WIDTH, HEIGHT, 16, 2, lines(deep)))
    want("rgb16.png")
    saved("grey16.png", Image.fromarray(grey().astype(np.uint16) * 257 + 3))
    write("interlaced.png", png(WIDTH, HEIGHT, 8, 2, adam7(colour()), interlaced=1))
    want("interlaced.png")
    # The data of an animated PNG's first picture are those of a PNG.
    animation = chunk(b"acTL", struct.pack(">II", 2, 0)), chunk(b"fcTL", struct.pack(">IIIIIHHBB", 0, WIDTH, HEIGHT, 0, 0, 1, 10, 0, 0))
    write("animated.png", png(WIDTH, HEIGHT, 8, 2, lines(colour()), *animation))
    want("animated.png", rgb.copy())
    saved("bits.png", l.convert("1"), optimize=True)
    saved("palette.png", rgb.convert("P", palette=Image.Palette.ADAPTIVE, colors=16), transparency=bytes(range(0, 256, 16)))
    saved("grey-alpha.png", Image.merge("LA", (l, ImageOps.invert(l))))
    saved("grey-transparent.png", l, transparency=int(grey()[3, 3]))
    write("bomb.png", png(60000, 60000, 8, 0, b""))

    gifs()
    write("bomb.gif", b"GIF89a" + struct.pack("<HHBBB", 60000, 60000, 0x80, 0, 0) + bytes(6) + b"," + struct.pack("<HHHHB", 0, 0, 60000, 60000, 0) + b"\2\1\x4c\0;")
    webps()
    saved("rgb.bmp", rgb)
    saved("palette.bmp", l)
    saved("alpha.bmp", rgb.convert("RGBA"))
    write("bomb.bmp", b"BM" + struct.pack("<IHHIIiiHHIIiiII", 0, 0, 0, 54, 40, 60000, 60000, 1, 24, 0, 0, 0, 0, 0, 0))
    write("run-length.bmp", b"BM" + struct.pack("<IHHIIiiHHIIiiII", 0, 0, 0, 58, 40, 4, 4, 1, 8, 1, 0, 0, 0, 1, 0) + bytes(8))
    tiffs()

    for brand in b"heic", b"avif":
        write(f"some.{brand.decode()}", struct.pack(">I", 24) + b"ftyp" + brand + b"\0\0\0\0" + brand + b"mif1" + bytes(8))
    more_jpegs()
    more_pngs()
    more_others()
    write("text.png", b"a thousand words")
    write("empty.png", b"")


main()
