// SPDX-License-Identifier: Apache-2.0
#include "storage/types/quicklist.h"

#include <algorithm>
#include <deque>
#include <random>
#include <string>

namespace slotway::storage {
namespace {

std::string Contents(const Quicklist& list) {
  std::string text;
  NumberText buffer;
  for (auto at = list.Begin(); !list.IsEnd(at); at = list.Next(at)) {
    text.append(list.At(at).Text(buffer)).push_back(' ');
  }
  return text;
}

// A Quicklist beside a deque of strings, changed alike.
class QuicklistModelTest : public testing::TestWithParam<std::int64_t> {
 protected:
  std::string RandomText() {
    if (random_() % 3 == 0)
      return std::to_string(static_cast<std::int64_t>(random_()) >> random_() % 64);
    return std::string(random_() % (random_() % 20 == 0 ? 3000 : 20), 'x');
  }

  void ChangeSomething() {
    const std::string text = RandomText();
    const auto index = static_cast<std::ptrdiff_t>(random_() % (model_.size() + 1));
    const bool is_inside = index < static_cast<std::ptrdiff_t>(model_.size());
    switch (random_() % 8) {
      case 0:
      case 1:
        list_.PushFront(text, limits_);
        model_.push_front(text);
        break;
      case 2:
      case 3:
        list_.PushBack(text, limits_);
        model_.push_back(text);
        break;
      case 4:
        list_.Insert(is_inside ? list_.Seek(index) : list_.End(), text, limits_);
        model_.insert(model_.begin() + index, text);
        break;
      case 5:
        if (!is_inside) break;
        list_.Replace(list_.Seek(index), text, limits_);
        model_[static_cast<std::size_t>(index)] = text;
        break;
      case 6:
        if (is_inside) EraseOne(index);
        break;
      case 7:
        if (random_() % 4 == 0) EraseSome(index, random_() % 100);
        break;
    }
  }
  void EraseOne(std::ptrdiff_t index) {
    const auto behind = list_.Erase(list_.Seek(index));
    model_.erase(model_.begin() + index);
    const bool is_last = index == static_cast<std::ptrdiff_t>(model_.size());
    ASSERT_EQ(list_.IsEnd(behind), is_last);
    NumberText buffer;
    if (!is_last) {
      ASSERT_EQ(list_.At(behind).Text(buffer), model_[static_cast<std::size_t>(index)]);
    }
  }
  void EraseSome(std::ptrdiff_t index, std::size_t count) {
    list_.EraseRange(static_cast<std::size_t>(index), count);
    const auto first = model_.begin() + index;
    model_.erase(first, first + std::min<std::ptrdiff_t>(static_cast<std::ptrdiff_t>(count),
                                                         model_.end() - first));
  }
  void ExpectEqual() const {
    ASSERT_EQ(list_.ElementCount(), model_.size());
    std::string expected;
    for (const std::string& text : model_) expected.append(text).push_back(' ');
    ASSERT_EQ(Contents(list_), expected);
    NumberText buffer;
    auto at = list_.End();
    for (auto text = model_.rbegin(); text != model_.rend(); ++text) {
      at = list_.Previous(at);
      ASSERT_EQ(list_.At(at).Text(buffer), *text);
    }
    for (std::size_t node = 0; node < list_.NodeCount(); ++node) {
      const ListpackReader reader(list_.NodeBytes(node));
      ASSERT_TRUE(IsValidListpack(list_.NodeBytes(node)));
      ASSERT_GT(reader.Count(), 0u);
      ASSERT_TRUE(reader.Count() == 1 ||
                  FitsInListpack(limits_, list_.NodeBytes(node).size() - 10, reader.Count()));
    }
  }

  ListLimits limits_{.listpack_size = GetParam()};
  std::uint64_t seed_ = std::random_device{}();
  std::mt19937_64 random_{seed_};
  Quicklist list_;
  std::deque<std::string> model_;
};

TEST_P(QuicklistModelTest, AgreesWithADeque) {
  SCOPED_TRACE("seed " + std::to_string(seed_));
  for (int step = 0; step < 4000; ++step) {
    ChangeSomething();
    if (HasFatalFailure()) return;
    if (step % 50 == 0) ExpectEqual();
    if (HasFatalFailure()) return;
  }
  const auto clone = list_.Clone();
  EXPECT_EQ(Contents(static_cast<const Quicklist&>(*clone)), Contents(list_));
  while (list_.FreeSome(100) > 0) continue;
  EXPECT_EQ(list_.MemoryBytes(), sizeof(Quicklist));
}

INSTANTIATE_TEST_SUITE_P(Limits, QuicklistModelTest, testing::Values(-2, -1, 1, 3, 128, 0),
                         [](const auto& param) {
                           const std::int64_t size = param.param;
                           return size < 0 ? "Kind" + std::to_string(-size)
                                           : "Count" + std::to_string(size);
                         });

TEST(QuicklistTest, ALongLineIsCutAsTheLimitSays) {
  Quicklist list;
  for (int i = 0; i < 1000; ++i) list.PushBack(std::to_string(i), {.listpack_size = 10});
  EXPECT_EQ(list.NodeCount(), 100u);
  EXPECT_EQ(list.At(list.Seek(617)).number, 617);
  EXPECT_EQ(list.At(list.Seek(-1)).number, 999);
  EXPECT_TRUE(list.IsEnd(list.Seek(1000)));
  EXPECT_TRUE(list.IsEnd(list.Seek(-1001)));
}

TEST(QuicklistTest, InnerNodesGiveTheirRoomBack) {
  Quicklist list;
  const std::string text(100, 'x');
  for (int i = 0; i < 10'000; ++i) list.PushBack(text, {});
  EXPECT_LT(list.MemoryBytes(), 10'000 * (text.size() + 5) * 105 / 100 + 16'384);
}

}  // namespace
}  // namespace slotway::storage
