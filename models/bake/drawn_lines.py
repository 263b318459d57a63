"""Draws lines of text as a scanner or a camera would see them.

8-bit networks are compared with float32 ones on them. All follows from a seed: the pixels are the same on every machine.
"""

import io
import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from sources import AMATIC, CHINESE_FONTS, JAPANESE_FONTS, LATO, WESTERN_FONTS, Wheel, download, read_font

# As the engine cuts and pads lines (`lineHeight`, `widthSteps`, `minWidth` in packages/ocr/src/text-recognizer.ts).
LINE_HEIGHT = 48
WIDTH_STEP = 16
MIN_WIDTH = 64

_FOLDER = "justmytype_western_core/fonts/ofl"
FONTS: dict[str, list[tuple[Wheel, str]]] = {
    "latin": [
        (WESTERN_FONTS, f"{_FOLDER}/inter/Inter[opsz,wght].ttf"),
        (WESTERN_FONTS, f"{_FOLDER}/jetbrainsmono/JetBrainsMono[wght].ttf"),
        (WESTERN_FONTS, f"{_FOLDER}/notosans/NotoSans[wdth,wght].ttf"),
        (WESTERN_FONTS, f"{_FOLDER}/notosans/NotoSans-Italic[wdth,wght].ttf"),
        (WESTERN_FONTS, f"{_FOLDER}/notosansmono/NotoSansMono[wdth,wght].ttf"),
        (WESTERN_FONTS, f"{_FOLDER}/notoserif/NotoSerif[wdth,wght].ttf"),
        (WESTERN_FONTS, f"{_FOLDER}/sourceserif4/SourceSerif4[opsz,wght].ttf"),
        (LATO, "font_lato/files/Lato-Regular.ttf"),
        (LATO, "font_lato/files/Lato-Black.ttf"),
        (LATO, "font_lato/files/Lato-Light.ttf"),
        (AMATIC, "font_amatic_sc/files/AmaticSC-Bold.ttf"),
    ],
    "japanese": [
        (JAPANESE_FONTS, "pylopdf_fonts_jp/NotoSansJP-Regular.otf"),
        (JAPANESE_FONTS, "pylopdf_fonts_jp/NotoSerifJP-Regular.otf"),
    ],
    "chinese": [
        (CHINESE_FONTS, "pylopdf_fonts_zh_cn/NotoSansSC-Regular.otf"),
        (CHINESE_FONTS, "pylopdf_fonts_zh_cn/NotoSerifSC-Regular.otf"),
    ],
}

WORDS = (
    "about account address amount available balance battery before between bottle branch bread butter cashier change "
    "charge chicken coffee company contact counter credit customer date delivery department description discount during "
    "every example exchange express fresh garden general gift goods green grocery hardware holder home invoice item kilo "
    "kitchen large limited little loyalty machine manager market medium member milk month morning nature notice number "
    "office online open orange order original other packet paper payment people phone please point policy powder price "
    "product quantity question receipt record redeem refund register return round sales save school serial service "
    "shampoo simple small special standard station store street subtotal sugar summary supplier table taxable telephone "
    "terminal thank their total trading transaction under unit until valid value vanilla visit voucher warranty water "
    "website welcome white window within without world yellow zone"
).split()
ACCENTED = "café crème façade jalapeño naïve piñata résumé São über Zürich Größe señor élève Øst Málaga".split()
CHINESE_PHRASES = "今日特价 收银小票 合计金额 谢谢惠顾 会员积分 有效期至 商品名称 数量单价 上海市浦东新区 北京欢迎您 电话号码 优惠券代码 请妥善保管 人民币元 刮开涂层 客户服务热线".split()
JAPANESE_PHRASES = "領収書 合計金額 ありがとうございました お預かり お釣り 消費税等 東京都渋谷区 カード番号 ポイント残高 営業時間 コーヒー サンドイッチ 電話番号 有効期限 ギフトコード".split()

# Colors of ink and ground, red, green, blue.
SCHEMES = [
    ((25, 25, 28), (250, 249, 246)),
    ((70, 68, 72), (235, 232, 226)),
    ((110, 108, 110), (228, 226, 222)),
    ((150, 148, 150), (240, 240, 240)),
    ((245, 245, 245), (24, 26, 30)),
    ((255, 255, 255), (30, 80, 160)),
    ((250, 240, 210), (140, 30, 40)),
    ((220, 190, 110), (20, 40, 35)),
    ((200, 40, 40), (252, 250, 245)),
    ((40, 60, 150), (225, 230, 240)),
    ((30, 60, 40), (190, 215, 170)),
]


@dataclass(frozen=True)
class DrawnLine:
    text: str
    # [48, W, 3], red, green, blue, 0..255.
    pixels: np.ndarray


def draw_lines(count: int, seed: int, cache: Path) -> list[DrawnLine]:
    """`count` lines of 1 to about 70 letters; another seed gives other lines."""
    for wheel in {wheel for fonts in FONTS.values() for wheel, _ in fonts}:
        download(wheel, cache)
    loaded = {script: [read_font(wheel, cache, member) for wheel, member in fonts] for script, fonts in FONTS.items()}
    return [_draw_line(random.Random(f"{seed}/{number}"), loaded) for number in range(count)]


def recognizer_input(line: DrawnLine) -> np.ndarray:
    """float32 [1, 3, 48, W], blue, green, red, -1..1; zeros on the right up to a width that the engine would take."""
    width = max(MIN_WIDTH, -(-line.pixels.shape[1] // WIDTH_STEP) * WIDTH_STEP)
    image = np.zeros((1, 3, LINE_HEIGHT, width), np.float32)
    image[0, :, :, : line.pixels.shape[1]] = (line.pixels[..., ::-1].astype(np.float32) / 127.5 - 1).transpose(2, 0, 1)
    return image


def _draw_line(chance: random.Random, fonts: dict[str, list[bytes]]) -> DrawnLine:
    script = chance.choices(["latin", "chinese", "japanese"], [80, 12, 8])[0]
    text = _latin_text(chance) if script == "latin" else _eastern_text(chance, script)
    size = chance.randint(36, 72)
    sheet = _sheet(chance, text, _font(chance, chance.choice(fonts[script]), size))
    if chance.random() < 0.6:
        sheet = _lean(chance, sheet)
    # Most letters in photos and scans are smaller than the network's input: they are enlarged, which blurs them.
    sheet = _resized_to_height(sheet, chance.randint(14, 64))
    if chance.random() < 0.4:
        sheet = sheet.filter(ImageFilter.GaussianBlur(chance.choice([0.5, 0.8, 1.1])))
    sheet = _light_with_grain(chance, sheet)
    if chance.random() < 0.6:
        sheet = _through_jpeg(sheet, chance.randint(25, 90))
    return DrawnLine(text, np.asarray(_resized_to_height(sheet, LINE_HEIGHT)))


def _latin_text(chance: random.Random) -> str:
    kind = chance.randrange(8)
    if kind == 0:
        return f"{_name(chance)} {chance.randint(1, 40)} x {chance.randint(1, 99)}.{chance.randint(0, 99):02}"
    if kind == 1:
        return "-".join("".join(chance.choices("ABCDEFGHJKLMNPQRSTUVWXYZ0123456789", k=chance.choice([4, 5]))) for _ in range(chance.randint(2, 4)))
    if kind == 2:
        return f"{chance.randint(1, 28):02}/{chance.randint(1, 12):02}/20{chance.randint(10, 29)} {chance.randint(0, 23):02}:{chance.randint(0, 59):02}"
    if kind == 3:
        return f"{chance.choice(['RM', '$', '€', '£', 'TOTAL', 'Tax', ''])} {chance.randint(0, 9999):,}.{chance.randint(0, 99):02}".strip()
    if kind == 4:
        return chance.choice(WORDS)[: chance.randint(1, 8)]
    if kind == 5:
        return f"{chance.choice(['Tel', 'No', 'Ref', 'GST', 'ID'])}{chance.choice([': ', ':', ' '])}{''.join(chance.choices('0123456789', k=chance.randint(5, 14)))}"
    if kind == 6:
        return " ".join(chance.choices(ACCENTED + WORDS, k=chance.randint(1, 4)))
    return " ".join(chance.choices(WORDS, k=chance.randint(3, 10))).capitalize() + chance.choice([".", ",", "!", "?", ";", ""])


def _name(chance: random.Random) -> str:
    name = " ".join(chance.choices(WORDS, k=chance.randint(1, 3)))
    return chance.choice([name.upper(), name.title(), name])


def _eastern_text(chance: random.Random, script: str) -> str:
    phrases = chance.choices(CHINESE_PHRASES if script == "chinese" else JAPANESE_PHRASES, k=chance.randint(1, 3))
    return "".join(phrases) + chance.choice(["", f"{chance.randint(1, 9999)}", f"：{chance.randint(1, 999)}.50"])


def _font(chance: random.Random, data: bytes, size: int) -> ImageFont.FreeTypeFont:
    # The basic layout: what the more capable one gives depends on libraries of the machine.
    font = ImageFont.truetype(io.BytesIO(data), size, layout_engine=ImageFont.Layout.BASIC)
    try:
        axes = font.get_variation_axes()
    except OSError:
        return font
    font.set_variation_by_axes([chance.choice([axis["minimum"], axis["default"], axis["maximum"]]) for axis in axes])
    return font


def _sheet(chance: random.Random, text: str, font: ImageFont.FreeTypeFont) -> Image.Image:
    """The text with as little around it as the detector leaves, sometimes underlined or with a neighbor's letters cut."""
    ink, ground = chance.choice(SCHEMES)
    left, top, right, bottom = font.getbbox(text)
    margin = max(2, round((bottom - top) * chance.uniform(0.08, 0.3)))
    sheet = Image.new("RGB", (right - left + 2 * margin, bottom - top + 2 * margin), ground)
    draw = ImageDraw.Draw(sheet)
    draw.text((margin - left, margin - top), text, font=font, fill=ink)
    if chance.random() < 0.08:
        draw.line([(0, sheet.height - 2), (sheet.width, sheet.height - 2)], fill=ink, width=2)
    if chance.random() < 0.1:
        draw.text((margin - left, margin - top - round(1.4 * (bottom - top))), text[::-1], font=font, fill=ink)
    return sheet


def _lean(chance: random.Random, sheet: Image.Image) -> Image.Image:
    """What a crop along a slightly wrong quad shows: sheared, higher at one end, the border repeated."""
    width, height = sheet.size
    corners = [(0, 0), (0, height), (width, height), (width, 0)]
    reach = 0.08 * height
    quad = [value + chance.uniform(-reach, reach) for corner in corners for value in corner]
    return sheet.transform(sheet.size, Image.Transform.QUAD, quad, Image.Resampling.BILINEAR, fillcolor=sheet.getpixel((0, 0)))


def _resized_to_height(sheet: Image.Image, height: int) -> Image.Image:
    width = max(8, round(sheet.width * height / sheet.height))
    return sheet.resize((width, height), Image.Resampling.BILINEAR)


def _light_with_grain(chance: random.Random, sheet: Image.Image) -> Image.Image:
    pixels = np.asarray(sheet, np.float32)
    ends = chance.uniform(0.6, 1.05), chance.uniform(0.75, 1.05)
    light = np.linspace(*ends, pixels.shape[1], dtype=np.float32)[None, :, None]
    grain = np.random.default_rng(chance.getrandbits(32)).integers(-256, 257, pixels.shape).astype(np.float32)
    strength = np.float32(chance.choice([0, 4, 10, 20]) / 256)
    return Image.fromarray(np.clip(pixels * light + grain * strength, 0, 255).astype(np.uint8))


def _through_jpeg(sheet: Image.Image, quality: int) -> Image.Image:
    encoded = io.BytesIO()
    sheet.save(encoded, "JPEG", quality=quality)
    return Image.open(io.BytesIO(encoded.getvalue())).convert("RGB")
