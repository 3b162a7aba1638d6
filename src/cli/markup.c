// SPDX-License-Identifier: GPL-2.0-or-later
/* Text of pages: HTML that is XML as well, with nothing that is elsewhere and no script. */
#include <inttypes.h>
#include <string.h>

#include "pages.h"

/* It may have no character that XML escapes. A bar's in is above the line, its out below. */
static const char style[] =
	":root{color-scheme:light dark;--bg:#fff;--fg:#1b1f24;--soft:#57606a;--line:#d8dce0;"
	"--in:#2e8b57;--out:#1f5fb4;--mark:#b04a00}\n"
	"@media(prefers-color-scheme:dark){:root{--bg:#15181b;--fg:#e6e9ec;--soft:#a5adb5;"
	"--line:#3a4046;--in:#56c288;--out:#6ea8ff;--mark:#ffb060}}\n"
	"body{margin:0 auto;max-width:60rem;padding:0 12px 2rem;background:var(--bg);"
	"color:var(--fg);font:15px/1.45 system-ui,sans-serif}\n"
	"h1{font-size:1.4rem;margin:1rem 0 .2rem;overflow-wrap:anywhere}\n"
	"h2{font-size:1.1rem;margin:1.6rem 0 .3rem}h3{font-size:1rem;margin:1.2rem 0 .3rem}\n"
	"nav{padding-top:.6rem}\n"
	"p{margin:.2rem 0}\n"
	"a{color:var(--out)}\n"
	"a:visited{color:inherit}\n"
	".soft,caption,footer{color:var(--soft);font-size:13px}\n"
	"footer{margin-top:2rem}\n"
	"dl{display:flex;flex-wrap:wrap;gap:.4rem 1.6rem;margin:.6rem 0}\n"
	"dt{color:var(--soft);font-size:13px}\n"
	"dd{margin:0;font-size:1.2rem}\n"
	"figure{margin:0}\n"
	"figcaption{color:var(--soft);font-size:13px}\n"
	"figcaption b{font-weight:600}\n"
	"b.in{color:var(--in)}b.out{color:var(--out)}b.mark{color:var(--mark)}\n"
	"svg.chart{display:block;overflow:visible;width:calc(100% - 64px);"
	"margin:8px 20px 4px 44px}\n"
	"svg path.in{fill:var(--in)}svg path.out{fill:var(--out)}\n"
	"svg line{stroke:var(--line)}svg line.zero{stroke:var(--soft)}\n"
	"svg line.mark{stroke:var(--mark);stroke-width:1.5;stroke-dasharray:5 4}\n"
	"svg text{fill:var(--fg);font:12px system-ui,sans-serif}\n"
	"svg text.y{text-anchor:end}svg text.x{text-anchor:middle}\n"
	"table{border-collapse:collapse;width:100%}\n"
	"caption{text-align:left;padding:.2rem 0}\n"
	"th,td{padding:.25rem 0 .25rem .5rem;text-align:right;white-space:nowrap;"
	"border-bottom:1px solid var(--line);font-variant-numeric:tabular-nums}\n"
	"th{font-weight:600}\n"
	"th:first-child,td:first-child{text-align:left;padding-left:0}\n"
	"tbody th{font-weight:400;white-space:normal;overflow-wrap:anywhere}\n"
	"time{white-space:nowrap}\n"
	"th.word,td.word{text-align:left}\n"
	"summary{cursor:pointer;padding:.3rem 0}\n"
	"@media(max-width:30rem){body{font-size:14px}.wide{display:none}}\n";

void markup_text(FILE *page, const char *text)
{
	for (; *text; text++) {
		char letter[2] = { *text, '\0' };

		switch (*text) {
		case '&': fputs("&amp;", page); break;
		case '<': fputs("&lt;", page); break;
		case '>': fputs("&gt;", page); break;
		case '"': fputs("&quot;", page); break;
		case '\'': fputs("&#39;", page); break;
		default: cli_print_clean(page, letter, NULL);
		}
	}
}

void markup_begin(FILE *page, const char *title)
{
	fputs("<meta charset=\"utf-8\"/>\n"
	      "<meta http-equiv=\"Content-Security-Policy\""
	      " content=\"default-src 'none'; style-src 'unsafe-inline'\"/>\n"
	      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
	      "<meta name=\"color-scheme\" content=\"light dark\"/>\n"
	      "<meta name=\"robots\" content=\"noindex\"/>\n<title>", page);
	markup_text(page, title);
	fprintf(page, "</title>\n<style>\n%s</style>\n</head>\n<body>\n", style);
}

void markup_end(FILE *page)
{
	fputs("</body>\n</html>\n", page);
}

static void begin_cell(FILE *page, const char *class)
{
	if (class)
		fprintf(page, "<td class=\"%s\">", class);
	else
		fputs("<td>", page);
}

void markup_bytes(FILE *page, uint64_t bytes, const char *class)
{
	char text[16];

	begin_cell(page, class);
	fprintf(page, "<data value=\"%" PRIu64 "\">%s</data></td>", bytes,
		cli_human_size(bytes, text));
}

void markup_rate(FILE *page, uint64_t bits)
{
	char text[16];

	cli_human_rate(bits, text);
	text[strlen(text) - strlen("bit/s")] = '\0';
	begin_cell(page, NULL);
	fprintf(page, "<data value=\"%" PRIu64 "\">%s</data></td>", bits, text);
}

void markup_period(FILE *page, enum vps_period period, uint64_t start)
{
	char text[CLI_PERIOD_TEXT];

	cli_period_text(period, start, text);
	if (period != VPS_PERIOD_HOUR)
		fprintf(page, "<th scope=\"row\"><time>%s</time></th>", text);
	else
		fprintf(page, "<th scope=\"row\"><time datetime=\"%s:00Z\">%.10s %s:00</time></th>",
			text, text, text + 11);
}
