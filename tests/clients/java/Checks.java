// SPDX-License-Identifier: Apache-2.0
package slotway.checks;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.BooleanSupplier;

/** The frame of a Java client's program: arguments, the keys of this run, the checks' verdicts. */
final class Checks {
  static final String RETURN_PARTS = "return {KEYS[1], ARGV[1], 3}";
  static final String ADD_TWICE = "redis.call('INCRBY', KEYS[1], ARGV[1]) "
      + "return redis.call('INCRBY', KEYS[1], ARGV[1])";
  static final String OWN_ERROR = "return redis.error_reply('MINE x')";
  static final String UNKNOWN_SCRIPT = "f".repeat(40);

  private static final int CHECK_S = 20;
  private static final String RUN =
      "java:" + ProcessHandle.current().pid() + ":" + System.nanoTime();
  private static final ExecutorService THREADS = Executors.newCachedThreadPool(task -> {
    Thread thread = new Thread(task);
    thread.setDaemon(true);
    return thread;
  });

  /** Where the program shall connect to. */
  record Target(String host, int port, String password, boolean isCluster, int protocol) {
    static Target of(String[] arguments) {
      if (arguments.length < 4) {
        System.err.println("usage: PROGRAM HOST PORT PASSWORD single|cluster [2|3]");
        System.exit(2);
      }
      int protocol = arguments.length > 4 ? Integer.parseInt(arguments[4]) : 3;
      return new Target(arguments[0], Integer.parseInt(arguments[1]), arguments[2],
          arguments[3].equals("cluster"), protocol);
    }
  }

  interface Check {
    void run() throws Exception;
  }

  private final Map<String, Check> checks = new LinkedHashMap<>();

  Checks add(String name, Check check) {
    checks.put(name, check);
    return this;
  }

  /**
   * Prints a line for each check, or for those that the variable CHECKS names; the process ends
   * with the verdict.
   */
  void runAll() {
    String wanted = System.getenv("CHECKS");
    if (wanted != null) {
      checks.keySet().retainAll(List.of(wanted.split(" ")));
    }
    int failures = 0;
    for (Map.Entry<String, Check> check : checks.entrySet()) {
      try {
        within(CHECK_S, THREADS.submit(() -> {
          check.getValue().run();
          return null;
        }));
        System.out.println("ok " + check.getKey());
      } catch (Exception | AssertionError error) {
        failures++;
        System.out.println("FAIL " + check.getKey() + " " + String.valueOf(error)
            .replaceAll("\\s+", " "));
      }
    }
    System.exit(failures == 0 ? 0 : 1);
  }

  /** A key of this run only. */
  static String key(String name) {
    return RUN + ":" + name;
  }

  /** Likewise; all of these share a slot. */
  static String tagged(String name) {
    return "{" + RUN + "}:" + name;
  }

  static void equal(Object actual, Object expected) {
    // Numbers of one value are the same here, whatever their class.
    boolean same = actual instanceof Number a && expected instanceof Number b
        ? a.doubleValue() == b.doubleValue() : Objects.equals(actual, expected);
    require(same, actual + " is not " + expected);
  }

  static void require(boolean holds, String what) {
    if (!holds) {
      throw new AssertionError(what.substring(0, Math.min(what.length(), 400)));
    }
  }

  /** The call fails, and one of the causes says `text`. */
  static void fails(String text, Callable<?> call) throws Exception {
    Object reply;
    try {
      reply = call.call();
    } catch (Exception error) {
      for (Throwable cause = error; cause != null; cause = cause.getCause()) {
        if (String.valueOf(cause.getMessage()).contains(text)) {
          return;
        }
      }
      throw error;
    }
    throw new AssertionError(reply + " instead of an error about " + text);
  }

  /** What `block` returns when `wake` is run while it waits. */
  static <T> T woken(Callable<T> block, Check wake) throws Exception {
    var blocked = THREADS.submit(block);
    Thread.sleep(100);  // nothing tells a client that another one is blocked by now
    require(!blocked.isDone(), "it did not block");
    wake.run();
    return within(CHECK_S, blocked);
  }

  /** Runs what returns only when something is over, such as a subscription. */
  static java.util.concurrent.Future<?> inBackground(Check task) {
    return THREADS.submit(() -> {
      task.run();
      return null;
    });
  }

  static <T> T within(int seconds, java.util.concurrent.Future<T> future) throws Exception {
    try {
      return future.get(seconds, TimeUnit.SECONDS);
    } catch (TimeoutException late) {
      throw new AssertionError("no end after " + seconds + " s");
    } catch (ExecutionException error) {
      if (error.getCause() instanceof Exception cause) {
        throw cause;
      }
      throw (Error) error.getCause();
    }
  }

  static <T> T within(CompletableFuture<T> future) throws Exception {
    return within(CHECK_S, future);
  }

  /** Polls: nothing tells a client that a key has expired. */
  static boolean eventually(BooleanSupplier holds) {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(CHECK_S / 2);
    while (!holds.getAsBoolean()) {
      if (System.nanoTime() > end) {
        return false;
      }
    }
    return true;
  }

  private Checks() {}

  static Checks of() {
    return new Checks();
  }
}
