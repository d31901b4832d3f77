// SPDX-License-Identifier: Apache-2.0
package slotway.checks;

import org.springframework.data.repository.CrudRepository;

/** Spring makes the code. */
public interface PersonRepository extends CrudRepository<Person, String> {}
