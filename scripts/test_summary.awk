# SPDX-License-Identifier: Apache-2.0
# The last lines of test.sh: what failed, what was skipped and why, and the counts.
#
#   awk -f scripts/test_summary.awk VERDICTS LOG [VERDICTS LOG...]
#
# VERDICTS is what ctest printed, LOG (its name ends in .log) is its log. Only the first tells
# skipped tests and those that could not start (the log calls both passed), only the second has
# the output of every test. Single cases are counted where GoogleTest or pytest tells them; a
# test that says nothing, or died before it could, counts as one. Of a test that is in several
# pairs the last one counts; it is called unstable if it failed before.
function Close(   verdict, i) {
  if (name == "") return
  verdict = verdicts[name]
  if (!(name in last_verdict)) names[++count] = name
  else if (last_verdict[name] == "bad" && verdict == "ok") is_unstable[name] = 1
  last_verdict[name] = verdict
  if (verdict == "skip") {
    p = f = 0
    if (s == 0) s = 1
    if (whys == 0) why[++whys] = last
  } else if (verdict == "ok" && p + f + s == 0) {
    p = 1
  } else if (verdict != "ok") {
    if (f == 0) f = 1
  }
  passes[name] = p; failures[name] = f; skips[name] = s; reasons[name] = ""
  for (i = 1; i <= whys; ++i) reasons[name] = reasons[name] "skipped: " name ": " why[i] "\n"
  name = ""
}
function Count(word,   i, field) {
  for (i = 2; i <= NF; ++i) {
    field = $i
    sub(/,$/, "", field)
    if (field == word) return $(i - 1) + 0
  }
  return 0
}
FNR == 1 { Close(); is_log = (FILENAME ~ /\.log$/) }
!is_log {
  if ($0 !~ /^ *[0-9]+\/[0-9]+ Test +#[0-9]+: /) next
  sub(/^ *[0-9]+\/[0-9]+ Test +#[0-9]+: /, "")
  if (/ Passed +[0-9.]+ sec/) verdicts[$1] = "ok"
  else if (/\*\*\*Skipped |\*\*\*Not Run \(Disabled\)/) verdicts[$1] = "skip"
  else verdicts[$1] = "bad"
  next
}
/^[0-9]+\/[0-9]+ Testing: / { Close(); name = $3; p = f = s = whys = is_reason = 0; last = ""; next }
/^\[  PASSED  \] [0-9]+ test/ { p += $4; next }
/^\[  FAILED  \] [0-9]+ test/ { f += $4; next }
/^\[  SKIPPED \] [0-9]+ test/ { s += $4; next }
/: Skipped$/ { is_reason = 1; next }
is_reason { is_reason = 0; if (NF > 0) why[++whys] = $0; next }
/^SKIPPED \[/ { why[++whys] = substr($0, index($0, ": ") + 2); next }
/^(=+ )?[0-9]+ (passed|failed|skipped|deselected|error|warning)s?[, ].*in [0-9.]+s/ {
  p += Count("passed"); s += Count("skipped")
  f += Count("failed") + Count("error") + Count("errors")
  next
}
/^<end of output>/ { is_output = 0 }
is_output && !/^-+$/ && NF > 0 { last = $0 }
/^Output:/ { is_output = 1 }
END {
  Close()
  for (i = 1; i <= count; ++i) {
    name = names[i]
    passed += passes[name]; failed += failures[name]; skipped += skips[name]
    printf "%s", reasons[name]
    if (name in is_unstable) unstable = unstable "unstable: " name ": failed once, passed alone\n"
    if (last_verdict[name] != "ok" && last_verdict[name] != "skip") bad = bad "failed: " name "\n"
  }
  printf "%s%s", unstable, bad
  printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped
  exit (failed > 0 || passed == 0) ? 1 : 0
}
