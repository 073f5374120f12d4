#!/usr/bin/env python3
"""Reference data of the picture tests, made by Debian's python3-pil 9.4.0 (never needed at build or test time).

    /usr/bin/python3 tests/golden/make_images.py            data/images/*: pictures, decode.txt, resize.txt
    python3 (with torch) tests/golden/make_images.py torch  data/images/grid.f32

decode.txt   file, width, height, orientation, hash as stored, hash upright (both after convert("RGB"))
resize.txt   source width and height, target width and height, filter (2 bilinear, 3 bicubic), hash
grid.f32     for each (from, to) of GRIDS: [to, to, 5] f32, bicubic antialiased, of the source noise(i)/256
preprocess.f32  [3, 28, 28] of noise pictures 97 x 61 and 61 x 97, each naive and crop (bicubic), letterbox (bilinear)
The hash is h = h * 6364136223846793005 + byte + 1 over the pixels, modulo 2^64; noise() is below.
"""
import io, os, struct, sys, zlib
import numpy as np

DIR = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data", "images")
GRIDS = [(37, 27), (27, 16), (16, 24)]
MUL = 6364136223846793005


def noise(n, seed):
    """Bytes that the C tests make again: a hash of the index."""
    x = (np.arange(n, dtype=np.uint64) * 0x9E3779B1 + seed) & 0xFFFFFFFF
    x ^= x >> 15
    x = (x * 0x85EBCA77) & 0xFFFFFFFF
    return (x >> 24).astype(np.uint8)


powers = np.ones(1, dtype=np.uint64)


def digest(data):
    global powers
    b = np.frombuffer(data, dtype=np.uint8).astype(np.uint64) + np.uint64(1)
    with np.errstate(over="ignore"):
        if len(powers) < len(b):
            powers = np.cumprod(np.concatenate((np.ones(1, np.uint64), np.full(len(b), MUL, np.uint64))), dtype=np.uint64)
        return "%016x" % int((b * powers[len(b) - 1 :: -1] if len(b) == len(powers) else b * powers[: len(b)][::-1]).sum(dtype=np.uint64))


if sys.argv[1:] == ["torch"]:
    import torch
    out = []
    for a, b in GRIDS:
        g = torch.from_numpy(noise(a * a * 5, a).astype(np.float32) / 256 - 0.5).reshape(1, a, a, 5).permute(0, 3, 1, 2)
        y = torch.nn.functional.interpolate(g, size=(b, b), mode="bicubic", antialias=True, align_corners=False)
        out.append(y.permute(0, 2, 3, 1).contiguous().numpy().astype("<f4").tobytes())
    open(os.path.join(DIR, "grid.f32"), "wb").write(b"".join(out))
    sys.exit(0)

import PIL
from PIL import Image, ImageOps

assert PIL.__version__ == "9.4.0", PIL.__version__


def picture(w, h, channels=3, seed=1):
    """Smooth colours, some edges, a little noise: what lossy codecs like and dislike."""
    y, x = np.mgrid[0:h, 0:w].astype(np.float64)
    a = np.stack([127 + 120 * np.sin(x / (5 + c) + c) * np.cos(y / (7 - c) - c * 2) for c in range(channels)], -1)
    a[(x + 2 * y) % 23 < 4] += 90
    a += (noise(w * h * channels, seed).reshape(h, w, channels).astype(np.float64) - 128) / 8
    return np.clip(a, 0, 255).astype(np.uint8)


def rgb(w, h, seed=1):
    return Image.fromarray(picture(w, h, 3, seed), "RGB")


files = []


def add(name, data):
    files.append(name)
    open(os.path.join(DIR, name), "wb").write(data)


def save(name, im, fmt, **kw):
    b = io.BytesIO()
    im.save(b, fmt, **kw)
    add(name, b.getvalue())


def exif(order, value, extra=0):
    """A TIFF block with Make, Orientation and, at will, more entries."""
    e = "<" if order == "II" else ">"
    entries = [(0x010F, 2, 4, b"abc\0"), (0x0112, 3, 1, struct.pack(e + "HH", value, 0))]
    entries += [(0x0131 + i, 4, 1, struct.pack(e + "I", i)) for i in range(extra)]
    block = order.encode() + struct.pack(e + "HI", 42, 8) + struct.pack(e + "H", len(entries))
    for tag, typ, n, v in entries:
        block += struct.pack(e + "HHI", tag, typ, n) + v
    return b"Exif\0\0" + block + struct.pack(e + "I", 0)


# ---- JPEG ------------------------------------------------------------------------------------------
for sub in (0, 1, 2):
    for prog in (False, True):
        save("jpeg_sub%d%s.jpg" % (sub, "_prog" if prog else ""), rgb(61, 45), "JPEG", quality=80, subsampling=sub, progressive=prog)
for w, h in ((1, 1), (8, 8), (17, 1), (1, 19), (16, 16), (33, 9), (15, 47)):
    save("jpeg_%dx%d.jpg" % (w, h), rgb(w, h), "JPEG", quality=75)
for q in (5, 40, 100):
    save("jpeg_q%d.jpg" % q, rgb(40, 40), "JPEG", quality=q, optimize=q == 40)
grey = Image.fromarray(picture(45, 31, 1)[:, :, 0], "L")
save("jpeg_grey.jpg", grey, "JPEG")
save("jpeg_grey_prog.jpg", grey, "JPEG", progressive=True)
cmyk = Image.fromarray(picture(39, 41, 4), "CMYK")
save("jpeg_cmyk.jpg", cmyk, "JPEG", quality=90)
save("jpeg_cmyk_prog.jpg", cmyk, "JPEG", quality=60, progressive=True)
# YCCK: the same bytes with the Adobe transform flag set to 2 (and component ids kept)
data = bytearray(open(os.path.join(DIR, "jpeg_cmyk.jpg"), "rb").read())
at = data.index(b"Adobe")
data[at + 11] = 2
add("jpeg_ycck.jpg", bytes(data))
data = bytearray(open(os.path.join(DIR, "jpeg_sub0.jpg"), "rb").read())
add("jpeg_rgb_adobe.jpg", bytes(data[:2]) + b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0\0" + bytes(data[20:]))  # no JFIF, transform 0: RGB
for v in range(0, 10):
    save("jpeg_exif%d.jpg" % v, rgb(35, 22), "JPEG", quality=85, exif=exif("II" if v % 2 else "MM", v, v))
save("jpeg_trailing.jpg", rgb(20, 20), "JPEG")
files.pop()
add("jpeg_trailing.jpg", open(os.path.join(DIR, "jpeg_trailing.jpg"), "rb").read() + b"after the end" * 9)


# ---- PNG -------------------------------------------------------------------------------------------
def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def pack_rows(a, depth):
    """Samples [h, w, channels] to filtered rows; filter types 0 .. 4 in turn, of which only Sub is computed."""
    h, w, ch = a.shape
    out = b""
    bpp = max(1, ch * depth // 8)
    for y in range(h):
        if depth == 16:
            row = a[y].astype(">u2").tobytes()
        elif depth == 8:
            row = a[y].astype(np.uint8).tobytes()
        else:
            bits = "".join(format(int(v), "0%db" % depth) for v in a[y, :, 0])
            bits += "0" * (-len(bits) % 8)
            row = int(bits, 2).to_bytes(len(bits) // 8, "big") if bits else b""
        if y % 2:
            r = np.frombuffer(row, np.uint8).astype(int)
            row = b"\1" + bytes(((r - np.concatenate((np.zeros(bpp, int), r))[: len(r)]) & 255).astype(np.uint8))
        else:
            row = b"\0" + row
        out += row
    return out


def png(a, depth, color, interlace=False, before=b"", after=b""):
    h, w, _ = a.shape
    raw = b""
    if interlace:
        for x0, y0, dx, dy in ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)):
            part = a[y0::dy, x0::dx]
            if part.size:
                raw += pack_rows(part, depth)
    else:
        raw = pack_rows(a, depth)
    z = zlib.compress(raw)
    body = chunk(b"IHDR", struct.pack(">IIBBBBB", w, h, depth, color, 0, 0, int(interlace))) + before
    body += chunk(b"IDAT", z[: len(z) // 2]) + chunk(b"IDAT", z[len(z) // 2 :]) + after + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def samples(w, h, channels, depth, seed=3):
    if depth == 16:
        return noise(w * h * channels * 2, seed).view("<u2").reshape(h, w, channels)
    return (noise(w * h * channels, seed) >> (8 - depth)).reshape(h, w, channels)


plte = lambda n: chunk(b"PLTE", noise(3 * n, 77).tobytes())
gama = chunk(b"gAMA", struct.pack(">I", 100000)) + chunk(b"sRGB", b"\0")
text = chunk(b"tEXt", b"Comment\0hello") + chunk(b"zTXt", b"Big\0\0" + zlib.compress(b"x" * 100000))
for il in (False, True):
    for color, channels, depths in ((0, 1, (1, 2, 4, 8, 16)), (2, 3, (8, 16)), (3, 1, (1, 2, 4, 8)), (4, 2, (8, 16)), (6, 4, (8, 16))):
        for depth in depths:
            a = samples(13, 11, channels, depth, 3 + color)
            before = gama + text + (plte(1 << depth) if color == 3 else b"")
            add("png_c%d_%d%s.png" % (color, depth, "_il" if il else ""), png(a, depth, color, il, before))
for w, h in ((1, 1), (2, 1), (1, 9), (5, 3), (8, 8)):
    add("png_il_%dx%d.png" % (w, h), png(samples(w, h, 3, 8), 8, 2, True))
low16 = np.arange(12 * 10, dtype=np.uint16).reshape(10, 12, 1) * 4
add("png_c0_16_dark.png", png(low16, 16, 0))  # values around 255: Pillow's mode I is clipped
add("png_palette_short.png", png(samples(9, 9, 1, 8), 8, 3, False, plte(20)))  # indices above the palette
add("png_palette_trns.png", png(samples(9, 9, 1, 4), 4, 3, False, plte(16) + chunk(b"tRNS", bytes(range(0, 160, 10)))))
add("png_palette_trns1.png", png(samples(9, 9, 1, 2), 2, 3, False, plte(4) + chunk(b"tRNS", b"\xff\0")))
add("png_rgb_trns.png", png(samples(9, 9, 3, 8), 8, 2, False, chunk(b"tRNS", bytes(6))))
add("png_grey_trns.png", png(samples(9, 9, 1, 8), 8, 0, False, chunk(b"tRNS", b"\0\5")))
add("png_grey2_trns.png", png(samples(9, 9, 1, 2), 2, 0, False, chunk(b"tRNS", b"\0\1")))
for v in (3, 6):
    add("png_exif%d.png" % v, png(samples(9, 5, 3, 8), 8, 2, False, chunk(b"eXIf", exif("MM", v)[6:])))
add("png_exif_after8.png", png(samples(9, 5, 3, 8), 8, 2, False, b"", chunk(b"eXIf", exif("II", 8)[6:])))
save("png_apng.png", rgb(12, 12), "PNG", save_all=True, append_images=[rgb(12, 12, 5)])

# ---- WebP ------------------------------------------------------------------------------------------
rgba = Image.fromarray(picture(37, 29, 4, 9), "RGBA")
for q in (10, 75, 100):
    save("webp_q%d.webp" % q, rgb(43, 37), "WEBP", quality=q)
save("webp_lossless.webp", rgb(43, 37), "WEBP", lossless=True)
save("webp_alpha.webp", rgba, "WEBP", quality=80)
save("webp_alpha_lossless.webp", rgba, "WEBP", lossless=True)
save("webp_alpha_exact.webp", rgba, "WEBP", lossless=True, exact=True)
save("webp_1x1.webp", rgb(1, 1), "WEBP")
save("webp_17x1.webp", rgb(17, 1), "WEBP")
for v in (1, 5, 6):
    save("webp_exif%d.webp" % v, rgb(21, 13), "WEBP", exif=exif("II", v)[6:])
save("webp_anim.webp", rgb(32, 24), "WEBP", save_all=True, append_images=[rgb(32, 24, 4)], duration=50)
save("webp_anim_alpha.webp", rgba, "WEBP", save_all=True, append_images=[rgba.rotate(90, expand=False)], lossless=True)


# ---- GIF -------------------------------------------------------------------------------------------
def gif_patch(data, screen=None, frame=None):
    """Moves the first frame, or gives the screen another size."""
    d = bytearray(data)
    if screen:
        d[6:10] = struct.pack("<HH", *screen)
    at = 13 + (3 << ((d[10] & 7) + 1) if d[10] & 128 else 0)
    while d[at] != 0x2C:
        at += 2
        while d[at]:
            at += d[at] + 1
        at += 1
    if frame:
        d[at + 1 : at + 5] = struct.pack("<HH", *frame)
    return bytes(d)


def gif(im, **kw):
    b = io.BytesIO()
    im.save(b, "GIF", **kw)
    return b.getvalue()


pal = rgb(31, 27).quantize(37)
big = rgb(40, 33).quantize(256)
add("gif_plain.gif", gif(pal, interlace=0))
add("gif_interlaced.gif", gif(pal, interlace=1))
add("gif_256.gif", gif(big))
add("gif_grey.gif", gif(grey))
add("gif_bw.gif", gif(grey.convert("1")))
add("gif_transparent.gif", gif(pal, transparency=5))
add("gif_screen_larger.gif", gif_patch(gif(pal, transparency=5), screen=(50, 40), frame=(7, 9)))
add("gif_screen_larger_opaque.gif", gif_patch(gif(pal), screen=(50, 40), frame=(7, 9)))
add("gif_screen_smaller.gif", gif_patch(gif(pal), screen=(20, 10)))
add("gif_animated.gif", gif(pal, save_all=True, append_images=[rgb(31, 27, 8).quantize(16), grey.resize((31, 27))]))
add("gif_comment.gif", gif(pal, comment=b"hello " * 100))
add("gif_1x1.gif", gif(rgb(1, 1).quantize(2)))
for h in (2, 3, 5, 9):
    add("gif_il_h%d.gif" % h, gif(rgb(20, h).quantize(8), interlace=1))


# ---- BMP -------------------------------------------------------------------------------------------
def bmp(w, h, bits, data, palette=b"", compression=0, header=40, masks=b"", colors=0, offset=None):
    if header == 12:
        head = struct.pack("<IHHHH", 12, w, h, 1, bits)
    else:
        head = struct.pack("<IiiHHIIiiII", header, w, h, 1, bits, compression, len(data), 2835, 2835, colors, 0)
        head += masks + bytes(max(0, header - 40 - len(masks)))
    at = 14 + len(head) + len(palette)
    return b"BM" + struct.pack("<IHHI", at + len(data), 0, 0, at if offset is None else offset) + head + palette + data


def rows(a, bits):
    h = a.shape[0]
    out = b""
    for y in range(h):
        r = a[y].astype("<u2").tobytes() if bits == 16 else a[y].tobytes()
        out += r + bytes(-len(r) % 4)
    return out


for name, im in (("1", grey.convert("1")), ("l", grey), ("p", big), ("rgb", rgb(31, 17)), ("rgba", rgba), ("p16", rgb(21, 9).quantize(16))):
    save("bmp_%s.bmp" % name, im, "BMP")
v16 = noise(2 * 23 * 7, 5).view("<u2").reshape(7, 23)
quad = lambda n: b"".join(bytes(noise(3, 50 + i)) + b"\0" for i in range(n))
add("bmp_555.bmp", bmp(23, 7, 16, rows(v16, 16)))
add("bmp_565.bmp", bmp(23, 7, 16, rows(v16, 16), compression=3, masks=struct.pack("<III", 0xF800, 0x7E0, 0x1F)))
add("bmp_32.bmp", bmp(9, 7, 32, noise(4 * 63, 6).tobytes()))
add("bmp_32_v4.bmp", bmp(9, 7, 32, noise(4 * 63, 6).tobytes(), compression=3, header=108, masks=struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)))
add("bmp_32_v5_rgbx.bmp", bmp(9, 7, 32, noise(4 * 63, 6).tobytes(), compression=3, header=124, masks=struct.pack("<IIII", 0xFF000000, 0xFF0000, 0xFF00, 0)))
add("bmp_topdown.bmp", bmp(10, -5, 24, rows(noise(150, 7).reshape(5, 30), 8)))
add("bmp_4.bmp", bmp(9, 4, 4, rows(noise(20, 8).reshape(4, 5), 8), palette=quad(16)))
add("bmp_4_short.bmp", bmp(9, 4, 4, rows(noise(20, 8).reshape(4, 5) & 0x55, 8), palette=quad(6), colors=6))
add("bmp_1.bmp", bmp(19, 6, 1, rows(noise(18, 8).reshape(6, 3), 8), palette=quad(2)))
add("bmp_os2.bmp", bmp(9, 4, 8, rows(noise(36, 8).reshape(4, 9), 8), palette=noise(768, 60).tobytes(), header=12))
add("bmp_os2_24.bmp", bmp(9, 4, 24, rows(noise(108, 8).reshape(4, 27), 8), header=12))
rle8 = bytes([5, 7, 4, 9, 0, 0]) + bytes([0, 5, 1, 2, 3, 4, 5, 0, 4, 11, 0, 0]) + bytes([9, 3, 0, 0, 0, 9]) + bytes(range(9)) + bytes([0, 0, 0, 1])
add("bmp_rle8.bmp", bmp(9, 4, 8, rle8, palette=quad(256), compression=1))
rle4 = bytes([9, 0x12, 0, 0, 4, 0x33, 0, 4, 0x45, 0x67, 1, 0x50, 0, 0, 0, 8, 0x12, 0x34, 0x56, 0x78, 1, 0x90, 0, 0, 9, 0xFE, 0, 0, 0, 1])
add("bmp_rle4.bmp", bmp(9, 4, 4, rle4, palette=quad(16), compression=2))


# ---- TGA -------------------------------------------------------------------------------------------
la = Image.fromarray(picture(19, 13, 2), "LA")
for name, im in (("l", grey), ("la", la), ("p", pal), ("rgb", rgb(31, 17)), ("rgba", rgba)):
    for kind in (None, "tga_rle"):
        save("tga_%s%s.tga" % (name, "_rle" if kind else ""), im, "TGA", compression=kind)
save("tga_top.tga", rgb(31, 17), "TGA", orientation=1)
save("tga_id.tga", rgb(31, 17), "TGA", id_section=b"made by hand")
tga_head = lambda typ, bits, flags, w, h: struct.pack("<BBBHHBHHHHBB", 0, 0, typ, 0, 0, 0, 0, 0, w, h, bits, flags)
add("tga_16.tga", tga_head(2, 16, 0, 23, 7) + v16.tobytes())
add("tga_16_top.tga", tga_head(2, 16, 0x21, 23, 7) + v16.tobytes())
add("tga_right.tga", tga_head(2, 24, 0x10, 5, 4) + noise(60, 4).tobytes())
add("tga_right_top.tga", tga_head(2, 24, 0x30, 5, 4) + noise(60, 4).tobytes())

# ---- TIFF ------------------------------------------------------------------------------------------
for name, im, kw in (("raw", rgb(31, 17), {}), ("lzw", rgb(31, 17), {"compression": "tiff_lzw"}), ("deflate", rgb(31, 17), {"compression": "tiff_adobe_deflate"}),
                     ("packbits", rgb(31, 17), {"compression": "packbits"}), ("grey", grey, {}), ("bw", grey.convert("1"), {"compression": "group4"}),
                     ("palette", pal, {}), ("rgba", rgba, {"compression": "tiff_lzw"})):
    save("tiff_%s.tif" % name, im, "TIFF", **kw)
for v in (2, 6):
    save("tiff_turn%d.tif" % v, rgb(13, 9), "TIFF", tiffinfo={274: v})

with open(os.path.join(DIR, "decode.txt"), "w") as f:
    for name in files:
        im = Image.open(os.path.join(DIR, name))
        o = im.getexif().get(0x0112, 1)
        o = o if 1 <= o <= 8 else 1
        plain, up = im.convert("RGB"), ImageOps.exif_transpose(im).convert("RGB")
        if name.endswith(".tif"):  # Pillow turns a TIFF while loading, exif_transpose would do it again
            up = plain
        print(name, up.size[0], up.size[1], o, digest(plain.tobytes()), digest(up.tobytes()), file=f)

# ---- resize ----------------------------------------------------------------------------------------
r = np.random.RandomState(20240730)
pairs = [(1, 1, 1, 1), (1, 1, 7, 5), (1, 9, 1, 3), (9, 1, 3, 1), (1, 300, 224, 224), (300, 1, 224, 224), (2, 2, 3, 3), (3, 3, 2, 2), (16384, 1, 224, 1),
         (16384, 1, 224, 224), (1, 16384, 1, 224), (1, 16384, 16, 16), (16384, 2, 1, 1), (3, 5, 1, 16384), (4, 1, 16384, 2), (1024, 1024, 224, 224), (1000, 1000, 384, 384),
         (640, 480, 224, 168), (640, 480, 384, 384), (480, 640, 168, 224), (1920, 1080, 224, 126), (224, 224, 384, 384), (384, 384, 224, 224), (224, 224, 224, 224),
         (224, 100, 224, 50), (100, 224, 50, 224), (513, 1, 1, 512), (1, 511, 512, 1), (255, 256, 256, 255), (37, 37, 27, 27), (27, 27, 37, 37)]
while len(pairs) < 230:
    top = [4, 12, 40, 120, 400][r.randint(5)]
    pairs.append(tuple(int(v) for v in r.randint(1, top + 1, 4)) if r.randint(3) else (int(r.randint(1, 5)), int(r.randint(1, 900)), int(r.randint(1, 260)), int(r.randint(1, 260))))
with open(os.path.join(DIR, "resize.txt"), "w") as f:
    for i, (sw, sh, dw, dh) in enumerate(pairs):
        im = Image.frombytes("RGB", (sw, sh), noise(sw * sh * 3, i).tobytes())
        for filt in (2, 3):
            print(sw, sh, dw, dh, filt, digest(im.resize((dw, dh), filt).tobytes()), file=f)
# ---- preprocessing: torchvision's and the built-in model's arithmetic on Pillow's resizing (9.4.0's: newer Pillows differ by 1) ----
out = []
for w, h in ((97, 61), (61, 97)):
    im = Image.frombytes("RGB", (w, h), noise(w * h * 3, w).tobytes())
    S, mean, std = 28, np.float32((0.485, 0.456, 0.406)), np.float32((0.229, 0.224, 0.225))
    unit = lambda i: np.asarray(i).astype(np.float32) / np.float32(255)
    naive = unit(im.resize((S, S), Image.BICUBIC))
    W, H = (S, int(S * h / w)) if w < h else (int(S * w / h), S)
    x0, y0 = int(round((W - S) / 2.0)), int(round((H - S) / 2.0))
    crop = unit(im.resize((W, H), Image.BICUBIC))[y0 : y0 + S, x0 : x0 + S]
    k = S / max(w, h)
    W, H = max(1, round(w * k)), max(1, round(h * k))
    box = np.full((S, S, 3), 0.5, np.float32)
    oy, ox = (S - H) // 2, (S - W) // 2
    box[oy : oy + H, ox : ox + W] = unit(im.resize((W, H), Image.BILINEAR))
    for x in (naive, crop, box):
        out.append(((x - mean) / std).transpose(2, 0, 1).astype("<f4").tobytes())
open(os.path.join(DIR, "preprocess.f32"), "wb").write(b"".join(out))
print(len(files), "pictures,", sum(os.path.getsize(os.path.join(DIR, n)) for n in files), "bytes,", 2 * len(pairs), "resizes")
