-- SQLite. The library's system.
create table biblio (biblio_id integer primary key, title text, author text, publisher text, published_year integer, isbn text);
create table item (item_id integer primary key, biblio_id integer references biblio, barcode text, shelf_mark text, acquired_on text, price real, branch_code text references branch);
create table branch (branch_code text primary key, branch_name text);
create table borrower (borrower_id integer primary key, card_number text, surname text, first_name text, email text, category_code text references borrower_category, expires_on text);
create table borrower_category (category_code text primary key, description text, loan_days integer);
create table loan (loan_id integer primary key, item_id integer references item, borrower_id integer references borrower, issued_at text, due_on text, returned_at text);
create table reserve (reserve_id integer primary key, biblio_id integer references biblio, borrower_id integer references borrower, reserved_at text, cancelled_at text);
create table fine (fine_id integer primary key, loan_id integer references loan, amount real, charged_at text, paid_at text);
create table old_loan (loan_id integer primary key, item_id integer, borrower_id integer, issued_at text, returned_at text);
create table system_preference (variable text primary key, value text);
create table action_log (id integer primary key, module text, action text, info text, timestamp text);
create table message_queue (id integer primary key, borrower_id integer, content text, status text);
create table z_test (a text);
