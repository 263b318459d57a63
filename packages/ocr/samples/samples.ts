import {
  alphaPng,
  avif,
  cmykJpeg,
  type Encode,
  exifJpeg,
  gif,
  grayJpeg,
  jpeg,
  palettePng,
  progressiveJpeg,
  sixteenBitPng,
  tiff,
  webp,
} from './encode.ts';
import { photograph } from './photograph.ts';
import { type Pixels, Sheet } from './sheet.ts';
import { trim, turnRight, upsideDown } from './turn.ts';

export interface Sample {
  readonly file: string;
  /** Page or frame after page; only the first is read. */
  readonly pages: readonly Pixels[];
  readonly encode: Encode;
  /** The text lines in the order in which a person reads them. */
  readonly lines: readonly string[];
}

export function drawSamples(): readonly Sample[] {
  return [
    giftCard(),
    twoColumns(),
    tiltedPage(),
    tiltedReceipt(),
    whiteOnTransparent(),
    chinese(),
    japanese(),
    upsideDownPage(),
    ...exifOrientations(),
    ...formats(),
    tightLine(),
    ...turnedLines(),
    longScreenshot(),
    { file: 'blank.png', pages: [new Sheet(640, 480, '#f4f1ea').pixels()], encode: palettePng(4), lines: [] },
  ];
}

function giftCard(): Sample {
  const sheet = new Sheet(1000, 1000, '#8a6f56');
  const { context } = sheet;
  context.fillStyle = '#7d634b';
  for (let x = 0; x < 1000; x += 190) {
    context.fillRect(x, 0, 12, 1000);
  }
  context.translate(500, 500);
  context.rotate(0.035);
  context.fillStyle = '#4d3b2c';
  roundedRectangle(sheet, -412, -262, 840, 540, 36);
  context.fillStyle = '#1d3557';
  roundedRectangle(sheet, -420, -270, 840, 540, 36);
  context.fillStyle = '#27466f';
  for (const [x, y, radius] of [
    [250, -120, 110],
    [300, -40, 70],
    [160, -170, 60],
  ] as const) {
    context.beginPath();
    context.arc(x, y, radius, 0, Math.PI * 2);
    context.fill();
  }
  context.fillStyle = '#e9eef2';
  roundedRectangle(sheet, -350, 90, 700, 110, 12);
  sheet.write('STEAM', -350, -100, { font: 'bold', size: 96, color: '#f5f7fa' });
  sheet.write('XR56L-H4A5Q-87YXF', -320, 164, { font: 'mono', size: 56, color: '#16202c' });
  return {
    file: 'gift-card.png',
    pages: [sheet.pixels()],
    encode: palettePng(48),
    lines: ['STEAM', 'XR56L-H4A5Q-87YXF'],
  };
}

function roundedRectangle(sheet: Sheet, x: number, y: number, width: number, height: number, radius: number): void {
  sheet.context.beginPath();
  sheet.context.roundRect(x, y, width, height, radius);
  sheet.context.fill();
}

function twoColumns(): Sample {
  const left = [
    'The lighthouse stands on',
    'a rock north of the town.',
    'Every evening at seven the',
    'keeper climbs the narrow',
    'stairs and trims the lamp.',
    'Ships see the white beam',
    'from twenty miles away.',
    'In winter the sea breaks',
    'over the lower windows,',
    'and the small boat that',
    'brings bread and letters',
    'must wait for calm water.',
  ];
  const right = [
    'Summer visitors may go up',
    'to the gallery in groups',
    'of eight. Bring a warm',
    'jacket, because the wind',
    'is strong even in June.',
    'Tickets are sold in the',
    'harbor office next to the',
    'fish market. The walk from',
    'there takes half an hour.',
    'Dogs are welcome outside',
    'but not on the stairs, and',
    'drones are not allowed.',
  ];
  const sheet = new Sheet(1000, 760, '#ffffff');
  sheet.writeLines(left, { x: 60, y: 90, step: 54 }, { font: 'serif', size: 28 });
  sheet.writeLines(right, { x: 540, y: 90, step: 54 }, { font: 'serif', size: 28 });
  const rows = left.flatMap((line, row) => [line, right[row] ?? '']);
  return { file: 'two-columns.png', pages: [sheet.pixels()], encode: palettePng(8), lines: rows };
}

function tiltedPage(): Sample {
  const lines = [
    'Garden meeting',
    'Friday, 14 March, 6 pm',
    'We will plant six apple trees',
    'along the western wall and',
    'paint the old tool shed green.',
    'Please bring gloves, a spade,',
    'and something to eat together.',
    'Children are very welcome.',
    'Questions? Ask Martha Green',
    'in the house with the red door.',
  ];
  const sheet = new Sheet(760, 900, '#fdfcf7');
  sheet.write(lines[0] ?? '', 70, 110, { font: 'bold', size: 52 });
  sheet.writeLines(lines.slice(1), { x: 70, y: 200, step: 72 }, { size: 36 });
  const photo = photograph(sheet.pixels(), {
    width: 900,
    height: 1050,
    corners: [
      [118, 52],
      [826, 118],
      [806, 1002],
      [30, 938],
    ],
    table: [104, 84, 66],
    grain: 4,
  });
  return { file: 'tilted.jpg', pages: [photo], encode: jpeg, lines };
}

function tiltedReceipt(): Sample {
  const rows = [
    ['Brown bread', '3.40'],
    ['Butter', '2.75'],
    ['Six eggs', '4.20'],
    ['Tomatoes', '2.96'],
    ['Green tea', '5.80'],
    ['Total', '19.11'],
  ] as const;
  const sheet = new Sheet(620, 640, '#fbfbf8');
  sheet.write('CORNER SHOP', 170, 90, { font: 'bold', size: 40 });
  rows.forEach(([item, price], row) => {
    sheet.write(item, 50, 190 + row * 72, { size: 34 });
    sheet.write(price, 470, 190 + row * 72, { size: 34 });
  });
  // Turned by 4 degrees: a price lies half a row lower than its item, so that rows are told only by their slope.
  const photo = photograph(sheet.pixels(), {
    width: 760,
    height: 800,
    corners: [
      [90, 52],
      [708, 95],
      [664, 733],
      [45, 690],
    ],
    table: [70, 88, 92],
    grain: 6,
  });
  return { file: 'tilted-receipt.jpg', pages: [photo], encode: jpeg, lines: ['CORNER SHOP', ...rows.flat()] };
}

function whiteOnTransparent(): Sample {
  const lines = ['Downloads', 'Settings and privacy', 'Sign out'];
  const sheet = new Sheet(520, 260);
  sheet.writeLines(lines, { x: 40, y: 70, step: 74 }, { size: 38, color: '#ffffff' });
  return { file: 'white-on-transparent.png', pages: [sheet.pixels()], encode: alphaPng, lines };
}

function chinese(): Sample {
  const lines = [
    '今天的天气很好',
    '我们去公园散步',
    '春眠不觉晓',
    '处处闻啼鸟',
    '夜来风雨声',
    '花落知多少',
    '北京大学图书馆',
  ];
  const sheet = new Sheet(620, 640, '#ffffff');
  sheet.writeLines(lines, { x: 60, y: 100, step: 82 }, { font: 'chinese', size: 46 });
  return { file: 'chinese.png', pages: [sheet.pixels()], encode: palettePng(8), lines };
}

function japanese(): Sample {
  const lines = [
    '吾輩は猫である',
    '名前はまだ無い',
    '東京駅から歩いて五分です',
    'コーヒーを飲みます',
    '明日は雨が降ります',
    '新しい本を読みました',
  ];
  const sheet = new Sheet(720, 580, '#ffffff');
  sheet.writeLines(lines, { x: 60, y: 100, step: 82 }, { font: 'japanese', size: 46 });
  return { file: 'japanese.png', pages: [sheet.pixels()], encode: palettePng(8), lines };
}

function upsideDownPage(): Sample {
  const lines = [
    'This page was scanned',
    'the wrong way round.',
    'Whoever reads it should',
    'turn every line first and',
    'start with the top one.',
  ];
  const sheet = new Sheet(760, 520, '#ffffff');
  sheet.writeLines(lines, { x: 70, y: 110, step: 82 }, { size: 42 });
  return { file: 'upside-down.png', pages: [upsideDown(sheet.pixels())], encode: palettePng(8), lines };
}

function exifOrientations(): readonly Sample[] {
  const lines = ['This way up', 'Handle with care'];
  const sheet = new Sheet(420, 200, '#f3e9d2');
  sheet.writeLines(lines, { x: 40, y: 80, step: 70 }, { size: 36 });
  return [1, 2, 3, 4, 5, 6, 7, 8].map((orientation) => ({
    file: `exif-${orientation}.jpg`,
    pages: [sheet.pixels()],
    encode: exifJpeg(orientation),
    lines,
  }));
}

function formats(): readonly Sample[] {
  const encodings: readonly (readonly [file: string, title: string, encode: Encode, background: string])[] = [
    ['gray.jpg', 'Gray picture', grayJpeg, '#e6e6e6'],
    ['cmyk.jpg', 'Printing inks', cmykJpeg, '#f6e7c8'],
    ['progressive.jpg', 'Progressive scan', progressiveJpeg, '#dcebf5'],
    ['palette.png', 'Few colors', palettePng(16), '#f7d9d9'],
    ['sixteen-bit.png', 'Many bits', sixteenBitPng, '#e3f3df'],
    ['alpha.png', 'Half transparent', alphaPng, '#3c78d840'],
    ['sample.webp', 'Made for the web', webp, '#efe6fa'],
    ['sample.tiff', 'First page', tiff, '#ffffff'],
    ['sample.gif', 'First frame', gif, '#fff6c9'],
    ['sample.avif', 'Very small file', avif, '#e0f2f1'],
  ];
  return encodings.map(([file, title, encode, background]) => {
    const lines = [title, 'Forty green bottles'];
    const pages = [note(lines, background).pixels()];
    if (encode === tiff || encode === gif) {
      pages.push(note(['Nobody should', 'read this one'], background).pixels());
    }
    return { file, pages, encode, lines };
  });
}

function note(lines: readonly string[], background: string): Sheet {
  const sheet = new Sheet(480, 200, background);
  sheet.writeLines(lines, { x: 40, y: 80, step: 70 }, { size: 38 });
  return sheet;
}

function tightLine(): Sample {
  const sheet = new Sheet(700, 80, '#ffffff');
  sheet.write('Invoice 2047 of 3 May', 20, 50, { size: 34 });
  return {
    file: 'single-line-tight.png',
    pages: [trim(sheet.pixels())],
    encode: palettePng(16),
    lines: ['Invoice 2047 of 3 May'],
  };
}

function turnedLines(): readonly Sample[] {
  const line = 'Fragile glass inside';
  const sheet = new Sheet(560, 90, '#f2f2f2');
  sheet.write(line, 40, 58, { size: 40 });
  const downward = turnRight(sheet.pixels());
  return [
    { file: 'turned-right.png', pages: [downward], encode: palettePng(16), lines: [line] },
    { file: 'turned-left.png', pages: [upsideDown(downward)], encode: palettePng(16), lines: [line] },
  ];
}

function longScreenshot(): Sample {
  const who = ['Anna', 'Ben', 'Clara', 'David', 'Emma'];
  const does = ['called the office', 'bought new shoes', 'read a good book', 'walked to the park', 'cooked some soup'];
  const when = ['this morning', 'before lunch', 'on Monday', 'last week', 'after work', 'at night'];
  const sheet = new Sheet(800, 12_000, '#ffffff');
  const lines: string[] = [];
  for (let row = 0; row < 60; row += 1) {
    const line = `${row + 100} ${who[row % 5]} ${does[(row * 3 + 1) % 5]} ${when[row % 6]}`;
    const top = 60 + row * 200;
    const mine = row % 3 === 1;
    sheet.context.fillStyle = mine ? '#d7e8ff' : '#eeeeee';
    roundedRectangle(sheet, mine ? 210 : 30, top, 560, 72, 18);
    sheet.write(line, mine ? 234 : 54, top + 44, { size: 22 });
    lines.push(line);
  }
  return { file: 'long-screenshot.png', pages: [sheet.pixels()], encode: palettePng(6), lines };
}
