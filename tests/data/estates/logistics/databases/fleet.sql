-- SQLite. The workshop's own database, converted from Access: tables begin with tbl, queries with qry, no key refers to another by declaration.
create table tblVehicle (VehicleID integer primary key, Registration text not null, Make text, Model text, FirstRegistered text, Odometer integer);
create table tblDriver (DriverID integer primary key, FirstName text, LastName text, LicenceNumber text, BirthDate text, HiredOn text);
create table tblVehicleType (VehicleTypeID integer primary key, Description text);
create table tblTrip (TripID integer primary key, VehicleID integer, DriverID integer, StartTime text, EndTime text, Kilometres integer);
create table tblFuelPurchase (FuelPurchaseID integer primary key, VehicleID integer, DriverID integer, Litres real, Price real, BoughtOn text);
create table tblWorkOrder (WorkOrderID integer primary key, VehicleID integer, OpenedOn text, ClosedOn text, Complaint text, Mechanic text);
create table tblWorkOrderPart (WorkOrderID integer, PartNo text, Quantity integer, primary key (WorkOrderID, PartNo));
create table tblPart (PartNo text primary key, Description text, UnitPrice real);
create view qryVehicleCost as select v.Registration, sum(f.Price) as fuel, count(w.WorkOrderID) as repairs from tblVehicle v left join tblFuelPurchase f on f.VehicleID = v.VehicleID left join tblWorkOrder w on w.VehicleID = v.VehicleID group by 1;
create table tblTrip_old (TripID integer, VehicleID integer, StartTime text);
create table Switchboard (SwitchboardID integer, ItemNumber integer, ItemText text, Command integer, Argument text);
create table PasteErrors (F1 text, F2 text);
create table tmpImport (F1 text, F2 text);
