// SPDX-License-Identifier: Apache-2.0
// Logging in and out, and the form that changes a user.
import { post } from './api.js';

function wire(dialog, form, problem, submit) {
  dialog.querySelector('[data-close]').addEventListener('click', () => dialog.close());
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    problem.textContent = '';
    try {
      await submit(Object.fromEntries(new FormData(form)));
      dialog.close();
    } catch (error) {
      problem.textContent = error.message;
    }
  });
}

export class Account {
  // `onChange` is called when somebody has logged in or out.
  constructor(onChange) {
    this.button = document.getElementById('account');
    this.dialog = document.getElementById('login');
    const form = document.getElementById('login-form');
    wire(this.dialog, form, document.getElementById('login-problem'), async (fields) => {
      await post('api/login', fields);
      form.elements.password.value = '';
      onChange();
    });
    this.button.addEventListener('click', async () => {
      if (!this.user) return this.open();
      await post('api/logout', {});
      return onChange();
    });
  }

  open() {
    this.dialog.showModal();
    this.dialog.querySelector('[name=password]').focus();
  }

  show(viewer) {
    this.user = viewer.user;
    this.button.textContent = viewer.user ? `Log out ${viewer.user}` : 'Log in';
  }
}

export class UserEditor {
  // `onChange` is called when users have changed.
  constructor(onChange) {
    this.dialog = document.getElementById('edit');
    this.form = document.getElementById('edit-form');
    this.problem = document.getElementById('edit-problem');
    wire(this.dialog, this.form, this.problem, async (fields) => {
      await post('api/users/set', fields);
      onChange();
    });
    document.getElementById('edit-delete').addEventListener('click', async () => {
      try {
        await post('api/users/delete', { name: this.form.elements.name.value });
        this.dialog.close();
        onChange();
      } catch (error) {
        this.problem.textContent = error.message;
      }
    });
  }

  // An empty name: a new one.
  open(name) {
    this.problem.textContent = '';
    this.form.elements.name.value = name;
    this.form.elements.name.readOnly = name !== '';
    this.form.elements.rules.value = '';
    document.getElementById('edit-title').textContent = name ? `User ${name}` : 'A new user';
    document.getElementById('edit-delete').hidden = name === '' || name === 'default';
    this.dialog.showModal();
    this.form.elements[name ? 'rules' : 'name'].focus();
  }
}
