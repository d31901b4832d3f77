// SPDX-License-Identifier: Apache-2.0
package slotway.checks;

import java.time.LocalDateTime;
import org.springframework.data.annotation.Id;
import org.springframework.data.redis.core.RedisHash;

/** The guide's entity: a hash people:ID that lives for half a minute. */
@RedisHash(value = "people", timeToLive = 30)
public class Person {
  @Id
  private String id;
  private final String name;
  private final Integer age;
  private LocalDateTime createdAt;

  public Person(String name, Integer age) {
    this.name = name;
    this.age = age;
    this.createdAt = LocalDateTime.now();
  }

  public String getId() {
    return id;
  }

  public String getName() {
    return name;
  }

  public Integer getAge() {
    return age;
  }

  public LocalDateTime getCreatedAt() {
    return createdAt;
  }
}
