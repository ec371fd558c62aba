-- MariaDB. The laboratory's system, bought in 2009: capital letters, no prefix to tell a table from its neighbour, few declared keys.
create table LAB_ORDER (ORDER_ID bigint primary key, PATIENT_MRN varchar(20) not null, ENCOUNTER_NO varchar(20), ORDERED_BY varchar(40), PRIORITY char(1) not null, ORDERED_TS datetime not null, COLLECTED_TS datetime) comment = 'One request for tests';
create table LAB_ORDER_TEST (ORDER_ID bigint not null, TEST_CODE varchar(12) not null, STATUS char(1) not null, primary key (ORDER_ID, TEST_CODE), foreign key (ORDER_ID) references LAB_ORDER (ORDER_ID));
create table LAB_TEST (TEST_CODE varchar(12) primary key, TEST_NAME varchar(120) not null, SPECIMEN_CODE varchar(8), UNIT varchar(12));
create table LAB_SPECIMEN_TYPE (SPECIMEN_CODE varchar(8) primary key, SPECIMEN_NAME varchar(60) not null);
create table LAB_RESULT (RESULT_ID bigint primary key, ORDER_ID bigint not null, TEST_CODE varchar(12) not null, VALUE_NUM decimal(14,4), VALUE_TEXT varchar(200), ABNORMAL_FLAG char(1), ANALYZER_ID int, VALIDATED_BY varchar(40), RESULT_TS datetime not null, key (ORDER_ID)) comment = 'Validated results';
create table LAB_RESULT_COMMENT (RESULT_ID bigint not null, SEQ int not null, COMMENT_TEXT varchar(400), primary key (RESULT_ID, SEQ));
create table LAB_ANALYZER (ANALYZER_ID int primary key, SERIAL_NO varchar(40), MODEL varchar(60), LOCATION varchar(40));
create table LAB_QC_RUN (QC_RUN_ID bigint primary key, ANALYZER_ID int not null, TEST_CODE varchar(12) not null, LOT_NO varchar(20), MEASURED decimal(14,4), EXPECTED decimal(14,4), PASSED char(1), RUN_TS datetime not null);
create table LAB_RESULT_ARCHIVE_2022 like LAB_RESULT;
create table LAB_RESULT_ARCHIVE_2023 like LAB_RESULT;
create table TMP_WORKLIST (ID int primary key, ORDER_ID bigint, SEQ int);
create table LAB_PARAMETER (PARAM_NAME varchar(60) primary key, PARAM_VALUE varchar(200));
create table LAB_AUDIT (AUDIT_ID bigint primary key, TABLE_NAME varchar(40), ROW_KEY varchar(80), OLD_VALUE text, NEW_VALUE text, CHANGED_BY varchar(40), CHANGED_TS datetime);
create table flyway_schema_history (installed_rank int primary key, version varchar(50), description varchar(200), script varchar(1000), checksum int, installed_on timestamp, success boolean);
create table INTERFACE_QUEUE (MSG_ID bigint primary key, DIRECTION char(1), PAYLOAD longtext, STATE char(1), CREATED_TS datetime);
create view V_TURNAROUND as
  select o.ORDER_ID, o.PRIORITY, r.TEST_CODE, t.TEST_NAME, o.ORDERED_TS, r.RESULT_TS, timestampdiff(minute, o.ORDERED_TS, r.RESULT_TS) as MINUTES
  from LAB_ORDER o join LAB_RESULT r on r.ORDER_ID = o.ORDER_ID join LAB_TEST t on t.TEST_CODE = r.TEST_CODE;
