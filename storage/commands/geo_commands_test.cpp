// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "storage/commands/command_runner.h"

namespace slotway::storage {
namespace {

TEST(GeoCommandsTest, PlacesAndDistances) {
  CommandRunner runner;
  EXPECT_EQ(
      Play(runner,
           {
               {{"geoadd", "g", "13.361389", "38.115556", "Palermo", "15.087269", "37.502669",
                 "Catania"},
                ":2\r\n"},
               {{"geodist", "g", "Palermo", "Catania", "km"}, "$8\r\n166.2742\r\n"},
               {{"geodist", "g", "Palermo", "nowhere"}, "$-1\r\n"},
               {{"geodist", "g", "Palermo", "Catania", "inch"},
                "-ERR unsupported unit provided. please use M, KM, FT, MI\r\n"},
               {{"geohash", "g", "Palermo", "nowhere"}, "*2\r\n$11\r\nsqc8b49rny0\r\n$-1\r\n"},
               {{"geopos", "g", "Palermo", "nowhere"},
                "*2\r\n*2\r\n$20\r\n13.36138933897018433\r\n$20\r\n38.11555639549629859\r\n"
                "*-1\r\n"},
               {{"geoadd", "g", "181", "0", "x"},
                "-ERR invalid longitude,latitude pair 181.000000,0.000000\r\n"},
               {{"geoadd", "g", "nx", "xx", "1", "1", "x"}, "-ERR syntax error\r\n"},
               {{"geoadd", "g", "1", "1", "x", "2"}, "-ERR syntax error\r\n"},
           }),
      "");
}

TEST(GeoCommandsTest, Searches) {
  CommandRunner runner;
  EXPECT_EQ(
      Play(runner,
           {
               {{"geoadd", "g", "13.361389", "38.115556", "Palermo", "15.087269", "37.502669",
                 "Catania"},
                ":2\r\n"},
               {{"geosearch", "g", "fromlonlat", "15", "37", "byradius", "200", "km", "desc",
                 "withdist"},
                "*2\r\n*2\r\n$7\r\nPalermo\r\n$8\r\n190.4424\r\n*2\r\n$7\r\nCatania\r\n$7\r\n"
                "56.4413\r\n"},
               {{"geosearch", "g", "frommember", "Palermo", "bybox", "10", "10", "km", "withhash"},
                "*1\r\n*2\r\n$7\r\nPalermo\r\n:3479099956230698\r\n"},
               {{"georadius", "g", "15", "37", "200", "km", "count", "1"},
                "*1\r\n$7\r\nCatania\r\n"},
               {{"georadiusbymember_ro", "g", "Palermo", "1", "m"}, "*1\r\n$7\r\nPalermo\r\n"},
               {{"georadius_ro", "g", "15", "37", "200", "km", "store", "s"},
                "-ERR syntax error\r\n"},
               {{"geosearchstore", "s", "g", "fromlonlat", "15", "37", "byradius", "100", "km",
                 "storedist"},
                ":1\r\n"},
               {{"zrange", "s", "0", "-1"}, "*1\r\n$7\r\nCatania\r\n"},
               {{"geosearch", "g", "frommember", "nowhere", "byradius", "1", "m"},
                "-ERR could not decode requested zset member\r\n"},
               {{"geosearch", "g", "frommember", "Palermo", "any", "asc", "desc"},
                "-ERR exactly one of BYRADIUS and BYBOX can be specified for geosearch\r\n"},
               {{"geosearch", "g", "byradius", "1", "m", "any", "asc"},
                "-ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for geosearch\r\n"},
               {{"geosearch", "g", "frommember", "Palermo", "byradius", "1", "m", "any"},
                "-ERR the ANY argument requires COUNT argument\r\n"},
               {{"georadius", "g", "15", "37", "-1", "km"}, "-ERR radius cannot be negative\r\n"},
               {{"georadius", "g", "15", "37", "1", "km", "count", "0"},
                "-ERR COUNT must be > 0\r\n"},
               {{"georadius", "none", "15", "37", "1", "km"}, "*0\r\n"},
           }),
      "");
}

}  // namespace
}  // namespace slotway::storage
