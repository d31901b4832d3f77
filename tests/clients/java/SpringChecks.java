// SPDX-License-Identifier: Apache-2.0
package slotway.checks;

import static slotway.checks.Checks.equal;
import static slotway.checks.Checks.fails;
import static slotway.checks.Checks.key;
import static slotway.checks.Checks.require;
import static slotway.checks.Checks.tagged;
import static slotway.checks.Checks.within;
import static slotway.checks.Checks.woken;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.data.domain.Range;
import org.springframework.data.geo.Circle;
import org.springframework.data.geo.Distance;
import org.springframework.data.geo.Metrics;
import org.springframework.data.geo.Point;
import org.springframework.data.redis.connection.BitFieldSubCommands;
import org.springframework.data.redis.connection.Limit;
import org.springframework.data.redis.connection.RedisClusterConnection;
import org.springframework.data.redis.connection.RedisClusterNode;
import org.springframework.data.redis.connection.RedisConnection;
import org.springframework.data.redis.connection.RedisConnectionFactory;
import org.springframework.data.redis.connection.RedisListCommands.Direction;
import org.springframework.data.redis.connection.stream.Consumer;
import org.springframework.data.redis.connection.stream.ReadOffset;
import org.springframework.data.redis.connection.stream.RecordId;
import org.springframework.data.redis.connection.stream.StreamOffset;
import org.springframework.data.redis.connection.stream.StreamReadOptions;
import org.springframework.data.redis.connection.stream.StreamRecords;
import org.springframework.data.redis.core.Cursor;
import org.springframework.data.redis.core.RedisCallback;
import org.springframework.data.redis.core.RedisOperations;
import org.springframework.data.redis.core.ScanOptions;
import org.springframework.data.redis.core.SessionCallback;
import org.springframework.data.redis.core.StringRedisTemplate;
import org.springframework.data.redis.core.script.DefaultRedisScript;
import org.springframework.data.redis.listener.ChannelTopic;
import org.springframework.data.redis.listener.PatternTopic;
import org.springframework.data.redis.listener.RedisMessageListenerContainer;
import org.springframework.data.redis.listener.Topic;

/** Spring Data Redis, as the guide's sample sets it up: Spring Boot, Lettuce and its pool. */
@SpringBootApplication
public class SpringChecks {
  private static boolean isCluster;
  private static RedisConnectionFactory connections;
  private static StringRedisTemplate client;
  private static PersonRepository people;

  public static void main(String[] arguments) {
    Checks.Target target = Checks.Target.of(arguments);
    isCluster = target.isCluster();
    ConfigurableApplicationContext context =
        new SpringApplicationBuilder(SpringChecks.class).web(WebApplicationType.NONE)
            .properties(properties(target)).run();
    connections = context.getBean(RedisConnectionFactory.class);
    client = context.getBean(StringRedisTemplate.class);
    people = context.getBean(PersonRepository.class);
    Checks checks = Checks.of();
    addValues(checks);
    addSessions(checks);
    checks.add("entity", SpringChecks::entity).runAll();
  }

  private static Map<String, Object> properties(Checks.Target target) {
    Map<String, Object> properties = new HashMap<>(Map.of(
        "spring.main.banner-mode", "off", "logging.level.root", "error",
        "spring.data.redis.password", target.password(),
        "spring.data.redis.timeout", "15s",
        "spring.data.redis.lettuce.pool.max-active", 10,
        "spring.data.redis.lettuce.pool.max-idle", 10,
        "spring.data.redis.lettuce.pool.min-idle", 2));
    if (target.isCluster()) {
      properties.put("spring.data.redis.cluster.nodes", target.host() + ":" + target.port());
      // Without redirections allowed, a MOVED is an error.
      properties.put("spring.data.redis.cluster.max-redirects", 0);
    } else {
      properties.put("spring.data.redis.host", target.host());
      properties.put("spring.data.redis.port", target.port());
    }
    return properties;
  }

  private static void addValues(Checks checks) {
    checks.add("strings", SpringChecks::strings).add("lists", SpringChecks::lists)
        .add("sets", SpringChecks::sets).add("sorted_sets", SpringChecks::sortedSets)
        .add("hashes", SpringChecks::hashes).add("bits", SpringChecks::bits)
        .add("hyperloglogs", SpringChecks::hyperLogLogs).add("geo", SpringChecks::geo)
        .add("streams", SpringChecks::streams)
        .add("consumer_groups", SpringChecks::consumerGroups).add("keys", SpringChecks::keys)
        .add("many_keys", SpringChecks::manyKeys)
        .add("large_values", SpringChecks::largeValues).add("errors", SpringChecks::errors);
  }

  private static void addSessions(Checks checks) {
    checks.add("pipeline", SpringChecks::pipeline).add("scripts", SpringChecks::scripts)
        .add("pubsub", SpringChecks::pubSub)
        .add("pattern_pubsub", SpringChecks::patternPubSub)
        .add("blocking_pop", SpringChecks::blockingPop)
        .add("blocking_move", SpringChecks::blockingMove)
        .add("blocking_stream", SpringChecks::blockingStream).add("scan", SpringChecks::scan)
        .add("scan_elements", SpringChecks::scanElements)
        .add("session", SpringChecks::session);
    if (!isCluster) {
      checks.add("transaction", SpringChecks::transaction).add("watch", SpringChecks::watch);
    }
  }

  private static void entity() {
    Person song = people.save(new Person("song", 20));
    String name = "people:" + song.getId();
    equal(client.opsForHash().get(name, "name"), "song");
    long ttl = client.getExpire(name);
    require(ttl > 25 && ttl <= 30, "TTL " + ttl);
    equal(client.opsForSet().isMember("people", song.getId()), true);
    Person found = people.findById(song.getId()).orElseThrow();
    equal(found.getName(), "song");
    equal(found.getAge(), 20);
    equal(found.getCreatedAt(), song.getCreatedAt());
    require(people.count() >= 1, "count()");
    Set<String> all = new HashSet<>();
    people.findAll().forEach(person -> {
      if (person != null) {  // its hash may have expired
        all.add(person.getId());
      }
    });
    require(all.contains(song.getId()), "findAll() has it");
    // Half a minute is over sooner than the test.
    equal(client.expire(name, Duration.ofMillis(1)), true);
    require(Checks.eventually(() -> people.findById(song.getId()).isEmpty()), "it expires");
    Person other = people.save(new Person("other", 30));
    people.deleteById(other.getId());
    equal(people.existsById(other.getId()), false);
    equal(client.opsForSet().isMember("people", other.getId()), false);
  }

  private static void strings() {
    String name = key("string");
    var strings = client.opsForValue();
    strings.set(name, "a");
    equal(strings.append(name, "bc"), 3);
    equal(strings.get(name, 1, 2), "bc");
    equal(strings.setIfAbsent(name, "no"), false);
    equal(strings.getAndSet(name, "7"), "abc");
    equal(strings.increment(name, 5), 12);
    equal(strings.increment(name, 0.5), 12.5);
    equal(strings.getAndDelete(name), "12.5");
    equal(strings.get(name), null);
  }

  private static void lists() {
    String name = tagged("list");
    var lists = client.opsForList();
    equal(lists.rightPushAll(name, "a", "b", "c"), 3);
    equal(lists.leftPush(name, "z"), 4);
    equal(lists.leftPush(name, "b", "x"), 5);
    equal(lists.range(name, 0, -1), List.of("z", "a", "x", "b", "c"));
    equal(lists.indexOf(name, "b"), 3);
    equal(lists.remove(name, 1, "x"), 1);
    equal(List.of(lists.leftPop(name), lists.rightPop(name)), List.of("z", "c"));
    equal(lists.move(name, Direction.LEFT, tagged("list:b"), Direction.RIGHT), "a");
  }

  private static void sets() {
    String a = tagged("set:a");
    String b = tagged("set:b");
    var sets = client.opsForSet();
    equal(sets.add(a, "1", "2", "3"), 3);
    equal(sets.add(b, "2", "3", "4"), 3);
    equal(sets.intersect(a, b), Set.of("2", "3"));
    equal(sets.unionAndStore(a, b, tagged("set:c")), 4);
    equal(sets.isMember(a, "1", "9"), Map.of("1", true, "9", false));
    equal(sets.move(a, "1", b), true);
    equal(sets.size(b), 4);
  }

  private static void sortedSets() {
    String name = key("zset");
    var sorted = client.opsForZSet();
    equal(sorted.add(name, "a", 1), true);
    equal(sorted.add(name, "b", 2.5), true);
    equal(sorted.add(name, "c", 3), true);
    equal(sorted.incrementScore(name, "a", 2), 3);
    equal(new ArrayList<>(sorted.range(name, 0, -1)), List.of("b", "a", "c"));
    var first = sorted.rangeWithScores(name, 0, 0).iterator().next();
    equal(first.getValue() + first.getScore(), "b2.5");
    equal(sorted.rangeByScore(name, 2.6, 9, 0, 1), Set.of("a"));
    equal(sorted.rank(name, "c"), 2);
    equal(sorted.popMin(name).getValue(), "b");
  }

  private static void hashes() {
    String name = key("hash");
    var hashes = client.<String, String>opsForHash();
    hashes.putAll(name, Map.of("title", "x", "year", "2022"));
    equal(hashes.entries(name), Map.of("title", "x", "year", "2022"));
    equal(hashes.multiGet(name, List.of("year", "none")), Arrays.asList("2022", null));
    equal(hashes.increment(name, "year", 1), 2023);
    equal(hashes.keys(name), Set.of("title", "year"));
    equal(hashes.delete(name, "title"), 1);
  }

  private static void bits() {
    String name = key("bits");
    equal(client.opsForValue().setBit(name, 7, true), false);
    equal(client.opsForValue().getBit(name, 7), true);
    equal(client.execute((RedisCallback<Long>) connection ->
        connection.stringCommands().bitCount(name.getBytes())), 1);
    var type = BitFieldSubCommands.BitFieldType.unsigned(8);
    equal(client.opsForValue().bitField(name, BitFieldSubCommands.create()
        .set(type).valueAt(8).to(200).get(type).valueAt(8)), List.of(0L, 200L));
  }

  private static void hyperLogLogs() {
    String a = tagged("hll:a");
    String b = tagged("hll:b");
    var logs = client.opsForHyperLogLog();
    equal(logs.add(a, "x", "y"), 1);
    logs.add(b, "y", "z");
    equal(logs.size(a, b), 3);
    equal(logs.union(tagged("hll:c"), a, b), 3);
  }

  private static void geo() {
    String name = key("geo");
    var places = client.opsForGeo();
    equal(places.add(name, new Point(126.978, 37.5665), "seoul"), 1);
    equal(places.add(name, new Point(129.0756, 35.1796), "busan"), 1);
    double km = places.distance(name, "seoul", "busan", Metrics.KILOMETERS).getValue();
    require(Math.abs(km - 325) < 2, "GEODIST " + km);
    var near = places.search(name, new Circle(new Point(127, 37.5),
        new Distance(20, Metrics.KILOMETERS)));
    equal(near.getContent().get(0).getContent().getName(), "seoul");
  }

  private static void streams() {
    String name = key("stream");
    var streams = client.<String, String>opsForStream();
    var first = StreamRecords.newRecord().in(name).withId("1-1").ofMap(Map.of("a", "1"));
    equal(streams.add(first), RecordId.of("1-1"));
    streams.add(name, Map.of("b", "2"));
    equal(streams.size(name), 2);
    var range = streams.range(name, Range.unbounded(), Limit.limit().count(1));
    equal(range.get(0).getValue(), Map.of("a", "1"));
    var read = streams.read(StreamOffset.create(name, ReadOffset.from("1-1")));
    equal(read.stream().map(record -> record.getValue()).toList(), List.of(Map.of("b", "2")));
  }

  private static void consumerGroups() {
    String name = key("group");
    var streams = client.<String, String>opsForStream();
    equal(streams.createGroup(name, "g"), "OK");
    RecordId id = streams.add(name, Map.of("a", "1"));
    var read = streams.read(Consumer.from("g", "me"),
        StreamOffset.create(name, ReadOffset.lastConsumed()));
    equal(read.get(0).getId(), id);
    equal(streams.pending(name, "g").getTotalPendingMessages(), 1);
    equal(streams.acknowledge(name, "g", id), 1);
  }

  private static void keys() {
    String name = tagged("expiring");
    String renamed = tagged("renamed");
    client.opsForValue().set(name, "x", Duration.ofSeconds(100));
    long ttl = client.getExpire(name);
    require(ttl > 98 && ttl <= 100, "TTL " + ttl);
    equal(client.persist(name), true);
    equal(client.type(name).code(), "string");
    client.rename(name, renamed);
    equal(client.copy(renamed, name, false), true);
    equal(client.expireAt(name, Instant.now().minusSeconds(1)), true);
    equal(client.hasKey(name), false);
    equal(client.unlink(renamed), true);
  }

  private static void manyKeys() {
    // Of many slots; this library splits them for a cluster.
    Map<String, String> pairs = new HashMap<>();
    for (int i = 0; i < 100; i++) {
      pairs.put(key("many:" + i), "v" + i);
    }
    List<String> names = List.copyOf(pairs.keySet());
    client.opsForValue().multiSet(pairs);
    equal(client.opsForValue().multiGet(names), names.stream().map(pairs::get).toList());
    equal(client.countExistingKeys(names), 100);
    equal(client.delete(names), 100);
  }

  private static void largeValues() {
    String name = key("large");
    String large = "a\r\n\0".repeat(1 << 20);
    client.opsForValue().set(name, large);
    require(large.equals(client.opsForValue().get(name)), "not what was set");
  }

  private static void errors() throws Exception {
    String name = key("wrong");
    client.opsForValue().set(name, "x");
    fails("WRONGTYPE Operation against", () -> client.opsForList().leftPush(name, "y"));
    fails("ERR value is not an integer", () -> client.opsForValue().increment(name));
  }

  private static void pipeline() {
    List<Object> expected = new ArrayList<>();
    List<Object> replies = client.executePipelined((RedisCallback<Object>) connection -> {
      for (int i = 0; i < 100; i++) {
        byte[] name = key("pipe:" + i).getBytes();
        connection.stringCommands().set(name, "1".getBytes());
        connection.stringCommands().incr(name);
        expected.addAll(List.of(true, 2L));
      }
      return null;
    });
    equal(replies, expected);
  }

  /** MULTI, what `body` asks for, EXEC; `watched` and `meanwhile` come before it. */
  private static List<Object> exec(String watched, Runnable meanwhile, Runnable body) {
    return client.execute(new SessionCallback<List<Object>>() {
      @Override public <K, V> List<Object> execute(RedisOperations<K, V> session) {
        if (watched != null) {
          client.watch(watched);
        }
        meanwhile.run();
        client.multi();
        body.run();
        return client.exec();
      }
    });
  }

  private static void transaction() {
    String a = tagged("tx:a");
    equal(exec(null, () -> {}, () -> {
      client.opsForValue().set(a, "1");
      client.opsForValue().increment(a);
      client.opsForList().rightPush(tagged("tx:b"), "x");
      client.opsForValue().get(a);
    }), List.of(true, 2L, 1L, "2"));
  }

  private static void watch() throws Exception {
    String name = tagged("watched");
    Runnable mine = () -> client.opsForValue().set(name, "mine");
    // Another thread has another connection.
    Runnable theirs = () -> CompletableFuture.runAsync(
        () -> client.opsForValue().set(name, "theirs")).join();
    equal(exec(name, theirs, mine), List.of());
    equal(client.opsForValue().get(name), "theirs");
    equal(exec(name, () -> {}, mine), List.of(true));
    equal(client.opsForValue().get(name), "mine");
  }

  private static void scripts() throws Exception {
    List<String> name = List.of(key("script"));
    var parts = new DefaultRedisScript<>(Checks.RETURN_PARTS, List.class);
    equal(client.execute(parts, name, "a"), List.of(name.get(0), "a", 3L));
    // EVALSHA, and EVAL where the script is not known.
    var twice = new DefaultRedisScript<>(Checks.ADD_TWICE, Long.class);
    equal(client.execute(twice, name, "2"), 4);
    equal(client.execute(twice, name, "3"), 10);
    var failing = new DefaultRedisScript<>(Checks.OWN_ERROR, String.class);
    fails("MINE x", () -> client.execute(failing, name));
  }

  private static List<String> heard(Topic topic, String channel) throws Exception {
    CompletableFuture<List<String>> message = new CompletableFuture<>();
    RedisMessageListenerContainer container = new RedisMessageListenerContainer();
    container.setConnectionFactory(connections);
    container.addMessageListener((got, pattern) -> message.complete(
        List.of(new String(got.getChannel()), new String(got.getBody()))), topic);
    container.afterPropertiesSet();
    container.start();  // returns when it is subscribed
    try {
      client.convertAndSend(channel, "hello");
      return within(message);
    } finally {
      container.destroy();
    }
  }

  private static void pubSub() throws Exception {
    String channel = key("channel");
    equal(heard(ChannelTopic.of(channel), channel), List.of(channel, "hello"));
  }

  private static void patternPubSub() throws Exception {
    String channel = key("news.art");
    equal(heard(PatternTopic.of(key("news.*")), channel), List.of(channel, "hello"));
  }

  private static void blockingPop() throws Exception {
    String queue = tagged("queue");
    String scored = tagged("zqueue");
    Duration longEnough = Duration.ofSeconds(10);
    equal(woken(() -> client.opsForList().leftPop(queue, longEnough),
        () -> client.opsForList().rightPush(queue, "job")), "job");
    equal(client.opsForList().leftPop(queue, Duration.ofSeconds(1)), null);
    equal(woken(() -> client.opsForZSet().popMin(scored, longEnough),
        () -> client.opsForZSet().add(scored, "job", 1)).getValue(), "job");
  }

  private static void blockingMove() throws Exception {
    String from = tagged("from");
    String to = tagged("to");
    var lists = client.opsForList();
    Duration longEnough = Duration.ofSeconds(10);
    equal(woken(() -> lists.rightPopAndLeftPush(from, to, longEnough),
        () -> lists.leftPush(from, "a")), "a");
    equal(woken(() -> lists.move(from, Direction.LEFT, to, Direction.RIGHT, longEnough),
        () -> lists.leftPush(from, "b")), "b");
    equal(lists.range(to, 0, -1), List.of("a", "b"));
  }

  private static void blockingStream() throws Exception {
    String name = key("live");
    var streams = client.<String, String>opsForStream();
    var entry = StreamRecords.newRecord().in(name).withId("5-1").ofMap(Map.of("a", "1"));
    var read = woken(() -> streams.read(
        StreamReadOptions.empty().block(Duration.ofSeconds(10)),
        StreamOffset.create(name, ReadOffset.latest())), () -> streams.add(entry));
    equal(read.get(0).getId(), RecordId.of("5-1"));
    equal(read.get(0).getValue(), Map.of("a", "1"));
  }

  private static void scan() {
    Set<String> names = new TreeSet<>();
    for (int i = 0; i < 500; i++) {
      names.add(key("scan:" + i));
      client.opsForValue().set(key("scan:" + i), "1");
    }
    ScanOptions match = ScanOptions.scanOptions().match(key("scan:*")).count(100).build();
    Set<String> found = new TreeSet<>();
    try (RedisConnection connection = connections.getConnection()) {
      if (connection instanceof RedisClusterConnection cluster) {
        // The library scans node by node.
        for (RedisClusterNode node : cluster.clusterGetNodes()) {
          collect(cluster.scan(node, match), found);
        }
      } else {
        collect(connection.keyCommands().scan(match), found);
      }
    }
    equal(found, names);
  }

  private static void collect(Cursor<byte[]> cursor, Set<String> found) {
    try (cursor) {
      cursor.forEachRemaining(name -> found.add(new String(name)));
    }
  }

  private static void scanElements() {
    Map<String, String> fields = new HashMap<>();
    for (int i = 0; i < 1000; i++) {
      fields.put("e:" + i, "1");
      client.opsForZSet().add(key("big:zset"), "e:" + i, 1);
    }
    client.opsForHash().putAll(key("big:hash"), fields);
    client.opsForSet().add(key("big:set"), fields.keySet().toArray(String[]::new));
    ScanOptions match = ScanOptions.scanOptions().match("e:*").count(100).build();
    equal(count(client.opsForHash().scan(key("big:hash"), match)), 1000);
    equal(count(client.opsForSet().scan(key("big:set"), match)), 1000);
    equal(count(client.opsForZSet().scan(key("big:zset"), match)), 1000);
  }

  private static int count(Cursor<?> elements) {
    Set<Object> found = new HashSet<>();
    try (elements) {
      elements.forEachRemaining(found::add);
    }
    return found.size();
  }

  private static void session() {
    try (RedisConnection connection = connections.getConnection()) {
      equal(connection.ping(), "PONG");
      var info = connection.serverCommands().info("server");
      // A cluster's INFO has the node before every name.
      require(info.entrySet().stream().anyMatch(entry ->
          entry.getKey().toString().endsWith("redis_version")
              && entry.getValue().toString().startsWith("7.")), "INFO server");
      require(connection.serverCommands().dbSize() > 0, "DBSIZE");
    }
  }
}
