// SPDX-License-Identifier: Apache-2.0
#include "storage/types/sorted_set_listpack.h"

#include <charconv>
#include <cmath>
#include <span>
#include <string>
#include <unordered_set>

#include "protocol/resp_writer.h"

namespace slotway::storage {
namespace {

std::optional<double> ParseScore(const ListpackElement& element) {
  if (element.is_number) return static_cast<double>(element.number);
  double score = 0;
  const char* end = element.text.data() + element.text.size();
  const auto parsed = std::from_chars(element.text.data(), end, score);
  if (parsed.ec != std::errc() || parsed.ptr != end || std::isnan(score)) return std::nullopt;
  return score;
}

}  // namespace

std::string_view ScoreText::Print(double score) {
  return protocol::FormatDouble(score == 0 ? 0 : score, std::span<char, 32>(bytes));
}

ScoredMember SortedSetReader::At(std::size_t position, NumberText& digits) const {
  return {ScoreAt(position), listpack_.At(position).Text(digits)};
}

double SortedSetReader::ScoreAt(std::size_t position) const {
  return *ParseScore(listpack_.At(listpack_.Next(position)));
}

std::size_t SortedSetReader::PositionOf(std::size_t rank) const {
  const std::size_t count = Count();
  if (rank <= count / 2) return listpack_.Seek(static_cast<std::int64_t>(2 * rank));
  if (rank == count) return End();
  return listpack_.Seek(-static_cast<std::int64_t>(2 * (count - rank)));
}

template <class GoesOnFn>
std::size_t SortedSetReader::WalkWhile(Walk& walk, const GoesOnFn& goes_on) const {
  while (walk.at != End()) {
    const std::size_t score_at = listpack_.Next(walk.at);
    if (!goes_on(walk.at, *ParseScore(listpack_.At(score_at)))) break;
    walk.at = listpack_.Next(score_at);
    ++walk.rank;
  }
  return walk.rank;
}

std::size_t SortedSetReader::PlaceFor(const ScoredMember& item) const {
  Walk walk{Begin()};
  WalkWhile(walk, [&](std::size_t at, double score) {
    NumberText digits;  // members matter only among equal scores
    return score != item.score ? score < item.score : listpack_.At(at).Text(digits) < item.member;
  });
  return walk.at;
}

std::size_t SortedSetReader::RankAt(std::size_t position) const {
  std::size_t rank = 0;
  for (std::size_t at = Begin(); at != position; at = Next(at)) ++rank;
  return rank;
}

RankRange SortedSetReader::RanksOf(const ScoreRange& range) const {
  Walk walk{Begin()};
  const std::size_t first = WalkWhile(
      walk, [&range](std::size_t, double score) { return range.StartsAfter(score); });
  const std::size_t end = WalkWhile(
      walk, [&range](std::size_t, double score) { return !range.EndsBefore(score); });
  return RankRange::Between(first, end);
}

RankRange SortedSetReader::RanksOf(const LexRange& range) const {
  NumberText digits;
  std::size_t at = Begin();
  std::size_t first = 0;
  for (; at != End() && range.StartsAfter(At(at, digits).member); at = Next(at)) ++first;
  std::size_t end = first;
  for (; at != End() && !range.EndsBefore(At(at, digits).member); at = Next(at)) ++end;
  return RankRange::Between(first, end);
}

bool IsValidSortedSetListpack(std::string_view bytes) {
  if (!IsValidListpack(bytes)) return false;
  const ListpackReader listpack(bytes);
  if (listpack.Count() % 2 != 0) return false;
  std::unordered_set<std::string> members;
  std::string previous;
  double previous_score = 0;
  for (std::size_t at = listpack.Begin(); at != listpack.End();
       at = listpack.Next(listpack.Next(at))) {
    NumberText digits;
    const std::string_view member = listpack.At(at).Text(digits);
    const std::optional<double> score = ParseScore(listpack.At(listpack.Next(at)));
    if (!score || !members.emplace(member).second) return false;
    if (members.size() > 1 && !Precedes({previous_score, previous}, {*score, member})) return false;
    previous = member;
    previous_score = *score;
  }
  return true;
}

}  // namespace slotway::storage
