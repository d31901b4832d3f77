// SPDX-License-Identifier: Apache-2.0
#include "storage/types/listpack.h"

#include <algorithm>
#include <cstring>
#include <random>
#include <string>
#include <vector>

namespace slotway::storage {
namespace {

std::string Hex(std::string_view bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  for (const char byte : bytes) {
    hex += kDigits[static_cast<unsigned char>(byte) >> 4];
    hex += kDigits[byte & 15];
  }
  return hex;
}

std::vector<std::string> Elements(const ListpackReader& reader) {
  std::vector<std::string> elements;
  NumberText buffer;
  for (std::size_t at = reader.Begin(); at != reader.End(); at = reader.Next(at)) {
    elements.emplace_back(reader.At(at).Text(buffer));
  }
  return elements;
}

Listpack Of(const std::vector<std::string>& elements) {
  Listpack listpack;
  for (const std::string& element : elements) listpack.Append(element);
  return listpack;
}

// The payload of DUMP of a hash with these fields and values, from redis-server 7.0.15.
TEST(Listpack, HasTheBytesOfRedis) {
  const std::vector<std::string> elements = {"0",
                                             "127",
                                             "128",
                                             "-1",
                                             "-4096",
                                             "4095",
                                             "4096",
                                             "-4097",
                                             "32767",
                                             "-32768",
                                             "32768",
                                             "8388607",
                                             "-8388608",
                                             "8388608",
                                             "2147483647",
                                             "-2147483648",
                                             "2147483648",
                                             "9223372036854775807",
                                             "-9223372036854775808",
                                             "9223372036854775808",
                                             "",
                                             "a",
                                             "007",
                                             "-0"};
  const Listpack listpack = Of(elements);
  EXPECT_EQ(Hex(listpack.bytes().substr(6)),
            "00017f01c08002dfff02d00002cfff02f1001003f1ffef03f1ff7f03f1008003f200800004f2ffff7f04f2"
            "00008004f30000800005f3ffffff7f05f30000008005f4000000800000000009f4ffffffffffffff7f09f4"
            "000000000000008009933932323333373230333638353437373538303814800181610283303037048"
            "22d3003ff");
  EXPECT_EQ(Elements(listpack.reader()), elements);
  EXPECT_TRUE(IsValidListpack(listpack.bytes()));
}

// First and last bytes of DUMP of {f: x repeated}, from redis-server 7.0.15.
TEST(Listpack, HasTheLengthsOfRedis) {
  const struct {
    std::size_t length;
    const char* first;
    const char* last;
  } cases[] = {
      {63, "4b00000002008166 02bf", "40ff"},
      {64, "4d00000002008166 02e040", "42ff"},
      {4095, "0d1000000200816602efff", "2081ff"},
      {4096, "111000000200816602f000100000", "2085ff"},
      {16370, "034000000200816602f0f23f0000", "7ff7ff"},
      {16378, "0c4000000200816602f0fa3f0000", "00ffffff"},
      {16379, "0d4000000200816602f0fb3f0000", "018080ff"},
      {16383, "114000000200816602f0ff3f0000", "018084ff"},
      {70'000, "821101000200816602f070110100", "04a2f5ff"},
  };
  for (const auto& item : cases) {
    const Listpack listpack = Of({"f", std::string(item.length, 'x')});
    std::string first = item.first;
    std::erase(first, ' ');
    EXPECT_EQ(Hex(listpack.bytes()).substr(0, first.size()), first);
    EXPECT_TRUE(Hex(listpack.bytes()).ends_with(item.last))
        << Hex(listpack.bytes().substr(listpack.bytes().size() - 4));
    EXPECT_TRUE(IsValidListpack(listpack.bytes()));
  }
}

TEST(Listpack, SeeksFromBothEnds) {
  const Listpack listpack = Of({"a", "1", "c"});
  const ListpackReader reader = listpack.reader();
  NumberText buffer;
  for (const auto& [index, text] : {std::pair{0, "a"}, {1, "1"}, {2, "c"}, {-1, "c"}, {-3, "a"}}) {
    EXPECT_EQ(reader.At(reader.Seek(index)).Text(buffer), text);
  }
  EXPECT_EQ(reader.Seek(3), reader.End());
  EXPECT_EQ(reader.Seek(-4), reader.End());
  EXPECT_EQ(reader.Find("1", reader.Begin(), 1), reader.Seek(1));
  EXPECT_EQ(reader.Find("1", reader.Begin(), 2), reader.End());
  EXPECT_EQ(reader.Find("01", reader.Begin(), 1), reader.End());
}

TEST(Listpack, CountsPastTheHeadersLimit) {
  Listpack listpack;
  for (int i = 0; i < 65'540; ++i) listpack.Append("1");
  EXPECT_EQ(listpack.reader().Count(), 65'540u);
  EXPECT_TRUE(IsValidListpack(listpack.bytes()));
  listpack.Erase(listpack.reader().Begin(), 10);
  EXPECT_EQ(listpack.reader().Count(), 65'530u);
}

TEST(Listpack, AgreesWithADeque) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  const auto random_text = [&]() -> std::string {
    switch (random() % 3) {
      case 0:
        return std::to_string(static_cast<std::int64_t>(random()) >> random() % 64);
      case 1:
        return std::string(random() % 100, 's');
      default:
        return std::string(random() % 6000, 'l');
    }
  };
  Listpack listpack;
  std::vector<std::string> model;
  for (int step = 0; step < 3000; ++step) {
    const std::size_t index = random() % (model.size() + 1);
    const std::size_t at = listpack.reader().Seek(static_cast<std::int64_t>(index));
    const auto in_model = model.begin() + static_cast<std::ptrdiff_t>(index);
    const std::string text = random_text();
    if (random() % (model.size() > 60 ? 5 : 3) == 0) {
      listpack.Insert(at, text);
      model.insert(in_model, text);
    } else if (index < model.size() && random() % 2 == 0) {
      listpack.Replace(at, text);
      *in_model = text;
    } else {
      const std::size_t count = std::min<std::size_t>(random() % 3, model.size() - index);
      listpack.Erase(at, count);
      model.erase(in_model, in_model + static_cast<std::ptrdiff_t>(count));
    }
    ASSERT_EQ(listpack.reader().Count(), model.size());
    ASSERT_TRUE(IsValidListpack(listpack.bytes()));
  }
  EXPECT_EQ(Elements(listpack.reader()), model);
}

TEST(Listpack, ValidationRefusesEveryTruncationAndSurvivesEveryChangedByte) {
  const Listpack listpack = Of({"a", "12345", "-7", std::string(70, 'x'), "9999999999", ""});
  const std::string good(listpack.bytes());
  for (std::size_t length = 0; length < good.size(); ++length) {
    EXPECT_FALSE(IsValidListpack(good.substr(0, length))) << length;
    std::string with_size = good.substr(0, length);
    if (length >= 6) {
      const auto size = static_cast<std::uint32_t>(length);
      std::memcpy(with_size.data(), &size, sizeof size);
      with_size.back() = '\xff';
      EXPECT_FALSE(IsValidListpack(with_size)) << length;
    }
  }
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (int value = 0; value < 256; ++value) {
      std::string bad = good;
      bad[at] = static_cast<char>(value);
      // Whatever passes must be readable.
      if (IsValidListpack(bad)) {
        EXPECT_EQ(Elements(ListpackReader(bad)).size(), ListpackReader(bad).Count());
      }
    }
  }
}

}  // namespace
}  // namespace slotway::storage
