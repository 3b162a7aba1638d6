# SPDX-License-Identifier: GPL-2.0-or-later
# The pages of traffic. What they tell of limits needs contexts.
# shellcheck disable=SC2154,SC2034 # capture sets status, errors, output; refuses reads tool
load ../lib/cli
load ../lib/ledger

tool=vtraf

setup() {
	export VPS_STATE_DIR=$BATS_TEST_TMPDIR/state
	T=$BATS_TEST_TMPDIR
	pages=$T/pages
	# Whoever asks from there is told the same.
	export TZ=NPT-5:45
	umask 077
}

# pages ARG...: of a time that is over, so that nobody asks for limits.
pages() {
	report --html "$pages" "$@"
	expect "nothing on stdout" [ -z "$output" ]
}

fails() {
	capture "$BUILD/vtraf" --html "$pages" --to 2026-10
	expect "exit 1" [ "$status" -eq 1 ] && expect "'$1'" [ "$errors" = "vtraf: $1" ]
}

# numbers PAGE CLASS: of a table: the period of each row, and what it has.
numbers() {
	xmllint --xpath "//*[local-name()='table'][@class='$2']/*[local-name()='tbody']/*" "$pages/$1" |
		sed 's/<\/tr>/\n/g' | sed -nE 's/<td[^>]*><data value="([0-9]+)">[^<]*<\/data><\/td>/ \1/g
			s/^.*<time[^>]*>([^<]*)<\/time><\/th>/\1/p'
}

# reported ARG...: the same of a report, the last period first.
reported() {
	"$BUILD/vtraf" "$@" --json | tr -d ' \n[]' | sed 's/},{/}\n{/g; s/$/\n/' | sed -E \
		's/.*period":"([^"]*)".*"in":(.*),"out":(.*),"total":(.*),"in95":(.*),"out95":(.*)}/\1 \2 \3 \4 \5 \6/
		s/^(.{10})T(..) (.*) .* .*/\1 \2:00 \3/' | tac
}

@test "vtraf --html: what does not go with it" {
	refuses "--report and --html exclude each other" --html "$pages" --report=day
	refuses "--graph and --html exclude each other" --html "$pages" --graph=x.svg
	refuses "--ctx does not go with --html" --html "$pages" -c 9
	refuses "--name does not go with --html" --html "$pages" -n web
	refuses "--from does not go with --html" --html "$pages" --from 2026-10
	refuses "--json does not go with --html" --html "$pages" --json
	refuses "--output does not go with --html" --html "$pages" --output x
	refuses "--class=all: pages are of one class, or of all together" --html "$pages" --class all
	refuses "--near needs --html" --near 80
	refuses "--near='0': not a percentage from 1 to 100" --html "$pages" --near 0
	refuses "--near and --to exclude each other" --html "$pages" --near 90 --to 2026-10
	refuses "--to='now': not YYYY-MM, YYYY-MM-DD or YYYY-MM-DDTHH" --html "$pages" --to now
	refuses "--html='': no directory" --html ''
	[ ! -e "$pages" ]
}

@test "vtraf --html: a page for each VPS, and one of all, for everybody to read" {
	requires xmllint
	a_ledger
	make_ledger <<<"2026-11-02T00:00 9 - other 5 5"
	pages --to 2026-11
	[ "$(cd "$pages" && find . -printf '%m %p\n' | LC_ALL=C sort -k 2)" = "\
755 .
600 ./.vtraf.lock
644 ./9.html
644 ./index.html
644 ./shop-10.html
644 ./web_1-9.html" ]
	xmllint --noout "$pages"/*.html
	[ "$(grep -o '<a href="[^"#]*">[^<]*' "$pages/index.html")" = '<a href="9.html">context 9
<a href="shop-10.html">shop
<a href="web_1-9.html">web_1' ]
	for page in 9 shop-10 web_1-9; do
		grep -q '<a href="index.html">' "$pages/$page.html"
	done
}

@test "vtraf --html: nothing is fetched from elsewhere, nothing is run" {
	a_ledger
	pages --to 2026-10
	grep -q "content=\"default-src 'none'; style-src 'unsafe-inline'\"" "$pages/index.html"
	for page in "$pages"/*.html; do
		# The names of XML's languages are no addresses.
		sed 's/ xmlns="[^"]*"//' "$page" >"$T/page"
		run ! grep -iE '<script|<link|<img|<iframe|<object|@import|url\(|https?:|javascript:|//| on[a-z]+=' "$T/page"
	done
}

@test "vtraf --html: the numbers are those of the reports" {
	requires xmllint
	a_ledger
	pages --to 2026-10
	while read -r period table from; do
		for who in web_1-9 shop-10; do
			told=$(reported --report="$period" --from "$from" --to 2026-10 -n "${who%-*}")
			shown=$(numbers "$who.html" "$table")
			[ "$shown" = "$told" ] || {
				printf '%s\n' "$who, $period:" "$told" "not:" "$shown"
				return 1
			}
		done
	done <<-END
		month Months 2024-11
		day Days 2026-09-27
		hour Hours 2026-10-25
	END
	[ "$(numbers shop-10.html Hours)" = "2026-10-31 23:00 1 2 3" ]
	# All together, but percentiles have no sum.
	[ "$(numbers index.html Months)" = "\
2026-10 4500458 4500910 9001368
2026-09 11 22 33" ]
	grep -A1 '<dt>95th percentile out' "$pages/web_1-9.html" | grep -q '<dd>10kbit/s</dd>'
}

@test "vtraf --html: the month that it ends with is in the list, and none is a dash" {
	requires xmllint
	a_ledger
	pages --to 2026-11-01
	[ "$(grep 'shop-10.html' "$pages/index.html")" = '<tr><th scope="row"><a href="shop-10.html">shop</a></th><td>-</td><td>-</td><td class="wide">-</td><td>-</td><td>-</td></tr>' ]
	[[ $(grep 'web_1-9.html' "$pages/index.html") == *'value="33">33<'*'value="44">44<'*'value="77">77<'* ]]
	grep -q '<h2>VPSes in 2026-11</h2>' "$pages/index.html"
	grep -q 'Until the end of 2026-11-01 23:00 UTC' "$pages/index.html"
}

@test "vtraf --html: of one class, and what never was" {
	requires xmllint
	a_ledger
	pages --to 2026-10 --class local
	[ "$(numbers web_1-9.html Months)" = "2026-10 450 900 1350 1 2" ]
	[ ! -e "$pages/shop-10.html" ]
	grep -q 'UTC; class local<' "$pages/web_1-9.html"
	capture "$BUILD/vtraf" --html "$T/none" --to 2026-10 --class loc
	[ "$status" -eq 1 ]
	[ "$errors" = "vtraf: loc: nothing of it is in the ledger" ]
	[ ! -e "$T/none" ]
}

@test "vtraf --html: nothing in the ledger of that time" {
	requires xmllint
	a_ledger
	pages --to 2020-01
	[ "$(ls "$pages")" = index.html ]
	[ "$(grep -c 'Nothing in the ledger' "$pages/index.html")" -eq 3 ]
	xmllint --noout "$pages/index.html"
}

@test "vtraf --html: pictures have a bar for each period, and gaps" {
	requires xmllint
	make_ledger <<-END
		2026-10-31T00:00 9 web_1 other 450000000 900000000
		2026-10-31T01:00 9 web_1 other 0 0
		2026-10-31T05:00 9 web_1 other 450000000 0
	END
	pages --to 2026-10
	# In: 1 Mbit/s of 1 above the line, out: 2 of 2 below; 170 pixels for 3, hours 144 to 149 of 168.
	[ "$(grep -o '<svg[^>]*viewBox="0 0 168 170"[^>]*>.*</svg>' "$pages/web_1-9.html" | grep -o ' d="[^"]*"')" = "\
 d=\"M144 56.7V0.0H145V56.2H146V56.7ZM149 56.7V0.0H150V56.7Z\"
 d=\"M144 56.7V170.0H145V57.2H146V56.7ZM149 56.7V57.2H150V56.7Z\"" ]
	[ "$(grep -o 'class="y"[^>]*>[^<]*' "$pages/web_1-9.html" | sed 's/.*>//' | head -4 | tr '\n' ' ')" = "1M 0 1M 2M " ]
	# The percentiles of three hours are the most of them.
	grep -q '<line class="mark" x2="100%" y1="0.0" y2="0.0"/><line class="mark" x2="100%" y1="170.0" y2="170.0"/>' \
		"$pages/web_1-9.html"
}

@test "vtraf --html: names mean nothing but themselves, in pages and for files" {
	requires xmllint
	make_ledger <<-'END'
		2026-10-01T00:00 9 <b>&"'x other 1 2
		2026-10-01T00:00 10 ../../etc/x other 1 2
		2026-10-01T00:00 11 a--b other 1 2
		2026-10-01T00:00 12 .hidden other 1 2
		2026-10-01T00:00 13 javascript:x other 1 2
	END
	pages --to 2026-10
	[ "$(cd "$T" && find pages -name '*.html' | LC_ALL=C sort)" = "\
pages/=2E.=2F..=2Fetc=2Fx-10.html
pages/=2Ehidden-12.html
pages/=3Cb=3E=26=22=27x-9.html
pages/a--b-11.html
pages/index.html
pages/javascript=3Ax-13.html" ]
	xmllint --noout "$pages"/*.html
	[ "$(xmllint --xpath "string(//*[local-name()='h1'])" "$pages/=3Cb=3E=26=22=27x-9.html")" = "<b>&\"'x" ]
	[ "$(xmllint --xpath "string(//*[local-name()='title'])" "$pages/=3Cb=3E=26=22=27x-9.html")" = "<b>&\"'x" ]
	run ! grep '<b>&' "$pages"/*.html
}

@test "vtraf --html: the same is the same, to the byte" {
	a_ledger
	pages --to 2026-10
	cp -r "$pages" "$T/first"
	TZ=UTC LANG=C pages --to 2026-10
	diff -r "$pages" "$T/first"
}

@test "vtraf --html: what is gone is removed, what is not ours stays" {
	a_ledger
	pages --to 2026-10
	echo hers >"$pages/imprint.html"
	# One that is ours by another name is somebody's copy.
	cp "$pages/shop-10.html" "$pages/october.html"
	ln -s imprint.html "$pages/link.html"
	mkfifo "$pages/fifo.html"
	head -c 300 "$pages/shop-10.html" >"$pages/.shop-10.html.new"
	: >"$pages/.web_1-9.html.new"
	echo hers >"$pages/.hers.html.new"
	pages --to 2026-10 --class local
	[ "$(cd "$pages" && find . ! -name . | LC_ALL=C sort)" = "\
./.hers.html.new
./.vtraf.lock
./fifo.html
./imprint.html
./index.html
./link.html
./october.html
./web_1-9.html" ]
}

@test "vtraf --html: what is in the way is not replaced, and nothing is" {
	a_ledger
	pages --to 2026-09
	cp -r "$pages" "$T/first"
	echo hers >"$pages/shop-10.html"
	fails "$pages/shop-10.html: is not a page of vtraf's, and in the way"
	rm "$pages/shop-10.html"
	ln -s "$T/elsewhere" "$pages/shop-10.html"
	fails "$pages/shop-10.html: is not a page of vtraf's, and in the way"
	rm "$pages/shop-10.html"
	diff -r "$pages" "$T/first"
	[ ! -e "$T/elsewhere" ]
}

@test "vtraf --html: where not all can be written all is as it was" {
	a_ledger
	for ((hour = 0; hour < 120; hour++)); do
		echo "$((1793491200 + 3600 * hour)) 9 web_1 other $hour 7"
	done | "$BUILD/unit/make_ledger" "$VPS_STATE_DIR/traffic.db"
	pages --to 2026-09
	cp -r "$pages" "$T/first"
	status=0
	# Blocks of 1024 bytes: those who read the ledger need 32, and a page of five days has more.
	errors=$(trap '' XFSZ && ulimit -f 33 &&
		"$BUILD/vtraf" --html "$pages" --to 2026-11-05 2>&1) || status=$?
	[ "$status" -eq 1 ]
	[ "$errors" = "vtraf: $pages/web_1-9.html: File too large" ]
	diff -r "$pages" "$T/first"
}

@test "vtraf --html: a directory of others, or that others can change, is refused" {
	a_ledger
	mkdir "$pages"
	for mode in 775 757 1777; do
		chmod "$mode" "$pages"
		fails "$pages: must be root's, and writable by root alone"
	done
	chmod 755 "$pages"
	if [ "$EUID" -eq 0 ]; then
		chown 12345 "$pages"
		fails "$pages: must be root's, and writable by root alone"
	fi
	[ -z "$(ls -A "$pages")" ]
	rm -r "$pages"
	mkdir "$T/other"
	ln -s other "$pages"
	fails "$pages: Not a directory"
	rm "$pages"
	: >"$pages"
	fails "$pages: Not a directory"
	rm "$pages"
	pages=$T/none/pages
	fails "$pages: No such file or directory"
}

@test "vtraf --html: two at once are one" {
	a_ledger
	pages --to 2026-10
	exec 9<"$pages/.vtraf.lock"
	flock --shared 9
	fails "$pages: another vtraf is writing there"
	exec 9<&-
	pages --to 2026-10
}

# What a browser makes of a page $1 that is $2 pixels wide: its width, the least size of text in
# pictures, how many labels of pictures lie upon each other or outside, how many there are.
measure() {
	cat >"$T/measure.html" <<-END
		<iframe id="page" src="pages/$1" width="$2" height="600" style="border:0"></iframe>
		<p id="result"></p>
		<script>
		onload = () => {
			const inside = page.contentDocument.documentElement;
			const boxes = [...inside.querySelectorAll('svg text')].map(
				t => t.getBoundingClientRect());
			const meet = (a, b) => a.left < b.right && b.left < a.right &&
				a.top + 2 < b.bottom && b.top + 2 < a.bottom;
			let over = 0;
			boxes.forEach((a, i) => boxes.slice(i + 1).forEach(b => over += meet(a, b)));
			result.textContent = [inside.scrollWidth, Math.min(...boxes.map(b => b.height)) >= 12,
				over, boxes.filter(b => b.left < 0 || b.right > $2).length,
				boxes.length > 20].join(' ');
		};
		</script>
	END
	timeout 60 chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --allow-file-access-from-files \
		--user-data-dir="$T/chromium" --dump-dom "file://$T/measure.html" 2>/dev/null |
		sed -n 's/^<p id="result">\(.*\)<\/p>$/\1/p'
}

@test "vtraf --html: a browser has room for all of it, on a telephone too" {
	requires chromium
	for ((day = 1; day <= 31; day++)); do
		for hour in 00 01 22; do
			printf '2026-10-%02dT%s:00 9 web_1 other %s %s\n' "$day" "$hour" \
				"$((day * 7777777777))" "$((day * 6666666666))"
		done
		printf '2026-10-%02dT23:00 9 %064d other 1 0\n' "$day" 0
	done | make_ledger
	pages --to 2026-10
	for width in 320 360 1280; do
		for page in web_1-9.html index.html; do
			[ "$(measure "$page" "$width")" = "$width true 0 0 true" ] || {
				echo "$page $width: $(measure "$page" "$width")"
				return 1
			}
		done
	done
}
