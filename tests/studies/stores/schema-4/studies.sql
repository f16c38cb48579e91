BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('v3.2.0.a');
CREATE TABLE confirmation_trainings (
	id INTEGER NOT NULL, 
	study_name VARCHAR(255) NOT NULL, 
	stage INTEGER NOT NULL, 
	trial_number INTEGER NOT NULL, 
	seed BIGINT NOT NULL, 
	seconds FLOAT NOT NULL, 
	num_images INTEGER, 
	correct BLOB, 
	confusion JSON, 
	weights_sha256 VARCHAR(64), 
	PRIMARY KEY (id), 
	UNIQUE (study_name, stage, trial_number, seed), 
	FOREIGN KEY(study_name) REFERENCES searches (study_name)
);
INSERT INTO "confirmation_trainings" VALUES(1,'digits-700',1,0,2340540091,1.87967565700091654434e+00,300,X'021288000248044020023300108302022C280B30F51000080200A08400080440041000628040','null',NULL);
INSERT INTO "confirmation_trainings" VALUES(2,'digits-700',1,0,1727626436,1.5941269129907595925e+00,300,X'61000020018408140234844060008024120000880800C6230002100100A18325004006001800','null',NULL);
INSERT INTO "confirmation_trainings" VALUES(5,'digits-700',2,0,1924178782,1.25304362169990781696e+01,300,X'B7EA4BC6D397ADFFFFFBC8F99EEFE2FFFDC0458F9FFDFF66F91FDB2DF0BECBA555B5D6FFEFF0','[[27, 0, 0, 0, 0, 1, 0, 0, 0, 2], [0, 15, 11, 1, 0, 2, 0, 0, 1, 0], [0, 1, 27, 1, 0, 0, 0, 0, 0, 0], [0, 0, 10, 16, 0, 0, 0, 0, 3, 2], [0, 0, 0, 0, 28, 0, 0, 2, 0, 0], [1, 0, 0, 6, 0, 5, 1, 0, 6, 12], [0, 0, 0, 0, 2, 0, 28, 0, 0, 0], [0, 0, 0, 0, 1, 0, 0, 29, 0, 0], [0, 7, 7, 3, 1, 3, 0, 0, 7, 1], [2, 0, 0, 0, 0, 4, 0, 1, 0, 23]]','c416dd11917cc333b57c19046973d5199b1cc6696464c93bf03d469b70ac72d9');
INSERT INTO "confirmation_trainings" VALUES(6,'digits-700',2,0,4074753535,1.20137527969927759841e+01,300,X'FFDFFFCDFBBF8DFFFFD7DBFADABF72DF9DECCFDFFEFFFFFEFFFFFBFFFFDFC77577B7DEBF3FE0','[[29, 0, 0, 0, 0, 0, 0, 0, 0, 1], [1, 17, 2, 3, 1, 0, 2, 0, 4, 0], [0, 0, 26, 1, 0, 0, 1, 0, 0, 1], [0, 0, 1, 28, 0, 0, 0, 0, 0, 2], [0, 0, 0, 0, 29, 0, 0, 1, 0, 0], [3, 0, 0, 0, 0, 27, 0, 0, 0, 1], [2, 0, 0, 0, 0, 0, 28, 0, 0, 0], [0, 0, 0, 1, 1, 0, 0, 28, 0, 0], [0, 7, 0, 0, 7, 1, 1, 0, 12, 1], [1, 0, 0, 0, 0, 7, 0, 0, 0, 22]]','755e14b0ee7c3c4dca4e1ec6136516d52e6ada6089ddc84d2c6c94e0b8b19529');
CREATE TABLE confirmations (
	study_name VARCHAR(255) NOT NULL, 
	seeds JSON NOT NULL, 
	top INTEGER, 
	num_complete INTEGER NOT NULL, 
	contenders JSON NOT NULL, 
	members JSON, 
	PRIMARY KEY (study_name), 
	FOREIGN KEY(study_name) REFERENCES searches (study_name)
);
INSERT INTO "confirmations" VALUES('digits-700','{"1": [2340540091, 1727626436], "2": [1924178782, 4074753535]}',1,3,'[{"trial": 0, "num_params": 466, "val_accuracy": 0.18, "notation": "3s:brd0.01 sep3s:brd0.01 ap 3s:brd0.01 3s:brd0.01 ap sep4s:brd0.01 sep4v:brd0.01 sep4v:brd0.01 gap fc10+"}]','[0]');
CREATE TABLE epochs (
	id INTEGER NOT NULL, 
	study_name VARCHAR(255) NOT NULL, 
	trial_number INTEGER NOT NULL, 
	epoch INTEGER NOT NULL, 
	train_loss FLOAT NOT NULL, 
	train_accuracy FLOAT NOT NULL, 
	val_loss FLOAT NOT NULL, 
	val_accuracy FLOAT NOT NULL, 
	learning_rate FLOAT NOT NULL, 
	seconds FLOAT NOT NULL, 
	val_balanced_accuracy FLOAT, 
	PRIMARY KEY (id), 
	UNIQUE (study_name, trial_number, epoch), 
	FOREIGN KEY(study_name) REFERENCES searches (study_name)
);
INSERT INTO "epochs" VALUES(1,'digits-700',0,1,2.32815200805664046512e+00,0.12,2.33412027359008789062e+00,1.03333333333333332593e-01,2.7126903169945032479e-01,7.66472053001052699983e-01,0.1);
INSERT INTO "epochs" VALUES(2,'digits-700',0,2,2.36650619506835946381e+00,0.17,2.32987141609191894531e+00,1.03333333333333332593e-01,1.07748130177537690399e-01,5.63164403996779583394e-01,0.1);
INSERT INTO "epochs" VALUES(3,'digits-700',0,3,2.32751632690429666183e+00,0.12,2.31055688858032226562e+00,0.18,1.16298075361399987038e-06,5.73311498999828472733e-01,1.78172043010752706448e-01);
INSERT INTO "epochs" VALUES(4,'digits-700',1,1,2.3445599365234373046e+00,0.1,2.32711029052734375e+00,9.66666666666666646312e-02,5.08005318087166313212e-02,3.99574012997618410736e-01,0.1);
INSERT INTO "epochs" VALUES(5,'digits-700',1,2,2.31905914306640603683e+00,0.1,2.32625174522399902343e+00,9.66666666666666646312e-02,2.01779844906079426636e-02,3.16416310000931844115e-01,0.1);
INSERT INTO "epochs" VALUES(6,'digits-700',1,3,2.28995697021484367894e+00,0.1,2.28824210166931152343e+00,0.1,2.17791321024621627416e-07,4.68652563999057747423e-01,0.1);
INSERT INTO "epochs" VALUES(7,'digits-700',2,1,2.3928271484375,0.09,2.33376288414001464843e+00,0.1,2.13470818954163282787e-01,6.41568815000937320291e-01,0.1);
INSERT INTO "epochs" VALUES(8,'digits-700',2,2,2.34281188964843734012e+00,0.11,2.34216833114624023437e+00,1.03333333333333332593e-01,8.47906649929084793582e-02,4.00831375001871492713e-01,1.0333333333333334647e-01);
INSERT INTO "epochs" VALUES(9,'digits-700',2,3,2.26705627441406232236e+00,0.14,2.24605011940002441406e+00,1.63333333333333330372e-01,9.15189073911578555506e-07,6.0660231599467806518e-01,1.63333333333333330372e-01);
INSERT INTO "epochs" VALUES(10,'digits-700',3,1,2.34586944580078116118e+00,0.1,2.31911039352417,0.1,9.47764189720197436361e-02,1.82524579799792263656e+00,0.1);
CREATE TABLE pareto_front (
	id INTEGER NOT NULL, 
	study_name VARCHAR(255) NOT NULL, 
	trial_number INTEGER NOT NULL, 
	num_params INTEGER NOT NULL, 
	val_accuracy FLOAT NOT NULL, 
	notation VARCHAR NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (study_name, trial_number), 
	FOREIGN KEY(study_name) REFERENCES searches (study_name)
);
INSERT INTO "pareto_front" VALUES(1,'digits-700',0,466,0.18,'3s:brd0.01 sep3s:brd0.01 ap 3s:brd0.01 3s:brd0.01 ap sep4s:brd0.01 sep4v:brd0.01 sep4v:brd0.01 gap fc10+');
INSERT INTO "pareto_front" VALUES(2,'digits-700',1,334,0.1,'4s:brd0.03 ap sep4s:brd0.03 sep4s:brd0.03 ap sep4v:brd0.03 sep4v:brd0.03 gap fc10+');
CREATE TABLE queued_candidates (
	id INTEGER NOT NULL, 
	study_name VARCHAR(255) NOT NULL, 
	candidate_key VARCHAR(16) NOT NULL, 
	source VARCHAR NOT NULL, 
	params JSON NOT NULL, 
	slot_id INTEGER, 
	PRIMARY KEY (id), 
	UNIQUE (study_name, candidate_key), 
	FOREIGN KEY(study_name) REFERENCES searches (study_name)
);
CREATE TABLE search_schema_version (
	version INTEGER NOT NULL, 
	PRIMARY KEY (version)
);
INSERT INTO "search_schema_version" VALUES(4);
CREATE TABLE searches (
	study_name VARCHAR(255) NOT NULL, 
	fingerprint JSON NOT NULL, 
	num_transactions INTEGER NOT NULL, 
	PRIMARY KEY (study_name)
);
INSERT INTO "searches" VALUES('digits-700','{"dataset": "digits", "dataset_sha256": "e131310dd819fb30d55cb9b796424204d0ed6bf16da88288ca92b73cbb7c8229", "split_seed": 0, "train_size": 100, "space": "[[stage]]\nlayers = [1, 2]\nwidth = [3, 16]\nkernel = 3\npadding = \"same\"\nconvolution_choices = [\"plain\", \"separable\"]\n\n[[stage]]\nlayers = [2, 3]\nwidth = [3, 32]\nkernel = 3\npadding = \"same\"\nconvolution_choices = [\"plain\", \"separable\"]\n\n[[stage]]\nlayers = [2, 3]\nwidth = [3, 48]\nkernel = 3\npadding = \"same\"\nconvolution_choices = [\"plain\", \"separable\"]\nunpadded = 2\n\n[architecture]\ndropout = [0.0, 0.03]\npool_choices = [\"average\"]\n\n[training]\nbatch_size_choices = [32, 64]\nmax_lr = [0.05, 0.4]\nweight_decay = [1e-05, 0.0002]\nlabel_smoothing = [0.0, 0.0]\naugmentation = [0.4, 1.2]\nplain_epochs = 1\nprecise_batch_norm = true\n", "budget": 700, "epochs": 3, "seed": 3}',15);
CREATE TABLE studies (
	study_id INTEGER NOT NULL, 
	study_name VARCHAR(512) NOT NULL, 
	PRIMARY KEY (study_id)
);
INSERT INTO "studies" VALUES(1,'digits-700');
INSERT INTO "studies" VALUES(2,'digits-700.curves');
CREATE TABLE study_directions (
	study_direction_id INTEGER NOT NULL, 
	direction VARCHAR(8) NOT NULL, 
	study_id INTEGER NOT NULL, 
	objective INTEGER NOT NULL, 
	PRIMARY KEY (study_direction_id), 
	UNIQUE (study_id, objective), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO "study_directions" VALUES(1,'MAXIMIZE',1,0);
INSERT INTO "study_directions" VALUES(2,'MINIMIZE',1,1);
INSERT INTO "study_directions" VALUES(3,'MAXIMIZE',2,0);
CREATE TABLE study_system_attributes (
	study_system_attribute_id INTEGER NOT NULL, 
	study_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (study_system_attribute_id), 
	UNIQUE (study_id, "key"), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO "study_system_attributes" VALUES(1,1,'study:metric_names','["val_accuracy", "num_params"]');
INSERT INTO "study_system_attributes" VALUES(2,2,'study:metric_names','["val_accuracy"]');
CREATE TABLE study_user_attributes (
	study_user_attribute_id INTEGER NOT NULL, 
	study_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (study_user_attribute_id), 
	UNIQUE (study_id, "key"), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO "study_user_attributes" VALUES(1,1,'fingerprint','{"dataset": "digits", "dataset_sha256": "e131310dd819fb30d55cb9b796424204d0ed6bf16da88288ca92b73cbb7c8229", "split_seed": 0, "train_size": 100, "space": "[[stage]]\nlayers = [1, 2]\nwidth = [3, 16]\nkernel = 3\npadding = \"same\"\nconvolution_choices = [\"plain\", \"separable\"]\n\n[[stage]]\nlayers = [2, 3]\nwidth = [3, 32]\nkernel = 3\npadding = \"same\"\nconvolution_choices = [\"plain\", \"separable\"]\n\n[[stage]]\nlayers = [2, 3]\nwidth = [3, 48]\nkernel = 3\npadding = \"same\"\nconvolution_choices = [\"plain\", \"separable\"]\nunpadded = 2\n\n[architecture]\ndropout = [0.0, 0.03]\npool_choices = [\"average\"]\n\n[training]\nbatch_size_choices = [32, 64]\nmax_lr = [0.05, 0.4]\nweight_decay = [1e-05, 0.0002]\nlabel_smoothing = [0.0, 0.0]\naugmentation = [0.4, 1.2]\nplain_epochs = 1\nprecise_batch_norm = true\n", "budget": 700, "epochs": 3, "seed": 3}');
INSERT INTO "study_user_attributes" VALUES(2,2,'fingerprint','{"dataset": "digits", "dataset_sha256": "e131310dd819fb30d55cb9b796424204d0ed6bf16da88288ca92b73cbb7c8229", "split_seed": 0, "train_size": 100, "space": "[[stage]]\nlayers = [1, 2]\nwidth = [3, 16]\nkernel = 3\npadding = \"same\"\nconvolution_choices = [\"plain\", \"separable\"]\n\n[[stage]]\nlayers = [2, 3]\nwidth = [3, 32]\nkernel = 3\npadding = \"same\"\nconvolution_choices = [\"plain\", \"separable\"]\n\n[[stage]]\nlayers = [2, 3]\nwidth = [3, 48]\nkernel = 3\npadding = \"same\"\nconvolution_choices = [\"plain\", \"separable\"]\nunpadded = 2\n\n[architecture]\ndropout = [0.0, 0.03]\npool_choices = [\"average\"]\n\n[training]\nbatch_size_choices = [32, 64]\nmax_lr = [0.05, 0.4]\nweight_decay = [1e-05, 0.0002]\nlabel_smoothing = [0.0, 0.0]\naugmentation = [0.4, 1.2]\nplain_epochs = 1\nprecise_batch_norm = true\n", "budget": 700, "epochs": 3, "seed": 3}');
CREATE TABLE test_openings (
	id INTEGER NOT NULL, 
	study_name VARCHAR(255) NOT NULL, 
	opened VARCHAR(32) NOT NULL, 
	num_models INTEGER NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(study_name) REFERENCES searches (study_name)
);
INSERT INTO "test_openings" VALUES(1,'digits-700','2026-11-28T07:10:55+00:00',2);
CREATE TABLE trial_heartbeats (
	trial_heartbeat_id INTEGER NOT NULL, 
	trial_id INTEGER NOT NULL, 
	heartbeat DATETIME NOT NULL, 
	PRIMARY KEY (trial_heartbeat_id), 
	UNIQUE (trial_id), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
CREATE TABLE trial_intermediate_values (
	trial_intermediate_value_id INTEGER NOT NULL, 
	trial_id INTEGER NOT NULL, 
	step INTEGER NOT NULL, 
	intermediate_value FLOAT, 
	intermediate_value_type VARCHAR(7) NOT NULL, 
	PRIMARY KEY (trial_intermediate_value_id), 
	UNIQUE (trial_id, step), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_intermediate_values" VALUES(1,2,1,1.03333333333333332593e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(2,2,2,1.03333333333333332593e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(3,2,3,0.18,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(4,4,1,9.66666666666666646312e-02,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(5,4,2,9.66666666666666646312e-02,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(6,4,3,0.1,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(7,6,1,0.1,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(8,6,2,1.03333333333333332593e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(9,6,3,1.63333333333333330372e-01,'FINITE');
CREATE TABLE trial_params (
	param_id INTEGER NOT NULL, 
	trial_id INTEGER, 
	param_name VARCHAR(512), 
	param_value FLOAT, 
	distribution_json TEXT, 
	PRIMARY KEY (param_id), 
	UNIQUE (trial_id, param_name), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_params" VALUES(1,1,'stage1_convolution',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["plain", "separable"]}}');
INSERT INTO "trial_params" VALUES(2,1,'stage1_layers',2.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 2}}');
INSERT INTO "trial_params" VALUES(3,1,'stage1_width1',3.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 16}}');
INSERT INTO "trial_params" VALUES(4,1,'stage1_width2',3.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 16}}');
INSERT INTO "trial_params" VALUES(5,1,'stage2_convolution',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["plain", "separable"]}}');
INSERT INTO "trial_params" VALUES(6,1,'stage2_layers',2.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 2, "high": 3}}');
INSERT INTO "trial_params" VALUES(7,1,'stage2_width1',3.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 32}}');
INSERT INTO "trial_params" VALUES(8,1,'stage2_width2',3.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 32}}');
INSERT INTO "trial_params" VALUES(9,1,'stage2_width3',5.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 32}}');
INSERT INTO "trial_params" VALUES(10,1,'stage3_convolution',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["plain", "separable"]}}');
INSERT INTO "trial_params" VALUES(11,1,'stage3_layers',3.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 2, "high": 3}}');
INSERT INTO "trial_params" VALUES(12,1,'stage3_width1',4.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 48}}');
INSERT INTO "trial_params" VALUES(13,1,'stage3_width2',4.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 48}}');
INSERT INTO "trial_params" VALUES(14,1,'stage3_width3',4.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 48}}');
INSERT INTO "trial_params" VALUES(15,1,'dropout',0.01,'{"name": "FloatDistribution", "attributes": {"step": 0.01, "low": 0.0, "high": 0.03, "log": false}}');
INSERT INTO "trial_params" VALUES(16,1,'batch_size',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [32, 64]}}');
INSERT INTO "trial_params" VALUES(17,1,'max_lr',0.2907451884035,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.05, "high": 0.4, "log": true}}');
INSERT INTO "trial_params" VALUES(18,1,'weight_decay',3.03281153657856653461e-05,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1e-05, "high": 0.0002, "log": true}}');
INSERT INTO "trial_params" VALUES(19,1,'label_smoothing',0.0,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 0.0, "log": false}}');
INSERT INTO "trial_params" VALUES(20,1,'augmentation',9.84793608837683742684e-01,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.4, "high": 1.2, "log": false}}');
INSERT INTO "trial_params" VALUES(21,3,'stage1_convolution',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["plain", "separable"]}}');
INSERT INTO "trial_params" VALUES(22,3,'stage1_layers',1.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 2}}');
INSERT INTO "trial_params" VALUES(23,3,'stage1_width1',4.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 16}}');
INSERT INTO "trial_params" VALUES(24,3,'stage1_width2',3.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 16}}');
INSERT INTO "trial_params" VALUES(25,3,'stage2_convolution',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["plain", "separable"]}}');
INSERT INTO "trial_params" VALUES(26,3,'stage2_layers',2.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 2, "high": 3}}');
INSERT INTO "trial_params" VALUES(27,3,'stage2_width1',4.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 32}}');
INSERT INTO "trial_params" VALUES(28,3,'stage2_width2',4.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 32}}');
INSERT INTO "trial_params" VALUES(29,3,'stage2_width3',21.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 32}}');
INSERT INTO "trial_params" VALUES(30,3,'stage3_convolution',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["plain", "separable"]}}');
INSERT INTO "trial_params" VALUES(31,3,'stage3_layers',2.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 2, "high": 3}}');
INSERT INTO "trial_params" VALUES(32,3,'stage3_width1',4.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 48}}');
INSERT INTO "trial_params" VALUES(33,3,'stage3_width2',4.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 48}}');
INSERT INTO "trial_params" VALUES(34,3,'stage3_width3',20.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 48}}');
INSERT INTO "trial_params" VALUES(35,3,'dropout',0.03,'{"name": "FloatDistribution", "attributes": {"step": 0.01, "low": 0.0, "high": 0.03, "log": false}}');
INSERT INTO "trial_params" VALUES(36,3,'batch_size',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [32, 64]}}');
INSERT INTO "trial_params" VALUES(37,3,'max_lr',5.44478302561554050598e-02,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.05, "high": 0.4, "log": true}}');
INSERT INTO "trial_params" VALUES(38,3,'weight_decay',1.90315302069697505626e-05,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1e-05, "high": 0.0002, "log": true}}');
INSERT INTO "trial_params" VALUES(39,3,'label_smoothing',0.0,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 0.0, "log": false}}');
INSERT INTO "trial_params" VALUES(40,3,'augmentation',1.03905282910272322993e+00,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.4, "high": 1.2, "log": false}}');
INSERT INTO "trial_params" VALUES(41,5,'stage1_convolution',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["plain", "separable"]}}');
INSERT INTO "trial_params" VALUES(42,5,'stage1_layers',2.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 2}}');
INSERT INTO "trial_params" VALUES(43,5,'stage1_width1',3.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 16}}');
INSERT INTO "trial_params" VALUES(44,5,'stage1_width2',3.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 16}}');
INSERT INTO "trial_params" VALUES(45,5,'stage2_convolution',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["plain", "separable"]}}');
INSERT INTO "trial_params" VALUES(46,5,'stage2_layers',3.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 2, "high": 3}}');
INSERT INTO "trial_params" VALUES(47,5,'stage2_width1',3.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 32}}');
INSERT INTO "trial_params" VALUES(48,5,'stage2_width2',3.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 32}}');
INSERT INTO "trial_params" VALUES(49,5,'stage2_width3',4.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 32}}');
INSERT INTO "trial_params" VALUES(50,5,'stage3_convolution',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["plain", "separable"]}}');
INSERT INTO "trial_params" VALUES(51,5,'stage3_layers',2.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 2, "high": 3}}');
INSERT INTO "trial_params" VALUES(52,5,'stage3_width1',4.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 48}}');
INSERT INTO "trial_params" VALUES(53,5,'stage3_width2',5.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 48}}');
INSERT INTO "trial_params" VALUES(54,5,'stage3_width3',22.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 48}}');
INSERT INTO "trial_params" VALUES(55,5,'dropout',0.01,'{"name": "FloatDistribution", "attributes": {"step": 0.01, "low": 0.0, "high": 0.03, "log": false}}');
INSERT INTO "trial_params" VALUES(56,5,'batch_size',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [32, 64]}}');
INSERT INTO "trial_params" VALUES(57,5,'max_lr',2.2879726847789461086e-01,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.05, "high": 0.4, "log": true}}');
INSERT INTO "trial_params" VALUES(58,5,'weight_decay',1.72970397600367722075e-05,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1e-05, "high": 0.0002, "log": true}}');
INSERT INTO "trial_params" VALUES(59,5,'label_smoothing',0.0,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 0.0, "log": false}}');
INSERT INTO "trial_params" VALUES(60,5,'augmentation',1.06771727056188781013e+00,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.4, "high": 1.2, "log": false}}');
INSERT INTO "trial_params" VALUES(61,7,'stage1_convolution',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["plain", "separable"]}}');
INSERT INTO "trial_params" VALUES(62,7,'stage1_layers',2.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 2}}');
INSERT INTO "trial_params" VALUES(63,7,'stage1_width1',3.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 16}}');
INSERT INTO "trial_params" VALUES(64,7,'stage1_width2',3.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 16}}');
INSERT INTO "trial_params" VALUES(65,7,'stage2_convolution',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["plain", "separable"]}}');
INSERT INTO "trial_params" VALUES(66,7,'stage2_layers',2.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 2, "high": 3}}');
INSERT INTO "trial_params" VALUES(67,7,'stage2_width1',3.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 32}}');
INSERT INTO "trial_params" VALUES(68,7,'stage2_width2',3.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 32}}');
INSERT INTO "trial_params" VALUES(69,7,'stage2_width3',9.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 32}}');
INSERT INTO "trial_params" VALUES(70,7,'stage3_convolution',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["plain", "separable"]}}');
INSERT INTO "trial_params" VALUES(71,7,'stage3_layers',2.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 2, "high": 3}}');
INSERT INTO "trial_params" VALUES(72,7,'stage3_width1',4.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 48}}');
INSERT INTO "trial_params" VALUES(73,7,'stage3_width2',4.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 48}}');
INSERT INTO "trial_params" VALUES(74,7,'stage3_width3',3.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 48}}');
INSERT INTO "trial_params" VALUES(75,7,'dropout',0.0,'{"name": "FloatDistribution", "attributes": {"step": 0.01, "low": 0.0, "high": 0.03, "log": false}}');
INSERT INTO "trial_params" VALUES(76,7,'batch_size',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [32, 64]}}');
INSERT INTO "trial_params" VALUES(77,7,'max_lr',1.01581030527506263605e-01,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.05, "high": 0.4, "log": true}}');
INSERT INTO "trial_params" VALUES(78,7,'weight_decay',8.13315742732028551e-05,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1e-05, "high": 0.0002, "log": true}}');
INSERT INTO "trial_params" VALUES(79,7,'label_smoothing',0.0,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 0.0, "log": false}}');
INSERT INTO "trial_params" VALUES(80,7,'augmentation',1.10801275547668032217e+00,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.4, "high": 1.2, "log": false}}');
CREATE TABLE trial_slots (
	id INTEGER NOT NULL, 
	study_name VARCHAR(255) NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	trial_number INTEGER, 
	seed_number INTEGER, 
	num_attempts INTEGER NOT NULL, 
	num_params INTEGER, 
	worker BIGINT NOT NULL, 
	host VARCHAR(255) NOT NULL, 
	heartbeat FLOAT NOT NULL, 
	candidate_key VARCHAR(16), 
	num_losses INTEGER DEFAULT '0' NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(study_name) REFERENCES searches (study_name)
);
INSERT INTO "trial_slots" VALUES(1,'digits-700','complete',0,0,1,466,4923636596406,'elsewhere',1.73277776080201411246e+09,'f79b3565b403dca6',0);
INSERT INTO "trial_slots" VALUES(2,'digits-700','complete',1,1,1,334,4923636596406,'elsewhere',1.73277776299701333044e+09,'c45f5a8a5caef7ed',0);
INSERT INTO "trial_slots" VALUES(3,'digits-700','complete',2,2,1,551,4923636596406,'elsewhere',1.73277776548499011996e+09,'3b5daeddb1fb802a',0);
INSERT INTO "trial_slots" VALUES(4,'digits-700','running',3,3,1,361,212855259076042,'elsewhere',1.73277845515499711042e+09,'d6a35a3084c83924',0);
CREATE TABLE trial_system_attributes (
	trial_system_attribute_id INTEGER NOT NULL, 
	trial_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (trial_system_attribute_id), 
	UNIQUE (trial_id, "key"), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_system_attributes" VALUES(1,1,'constraints:budget','-0.3342857142857143');
INSERT INTO "trial_system_attributes" VALUES(2,1,'artifacts:e4f93c8f-3d18-46cf-8b66-20b8ab6308fa','"{\"artifact_id\": \"e4f93c8f-3d18-46cf-8b66-20b8ab6308fa\", \"filename\": \"trial-0.safetensors\", \"mimetype\": \"application/octet-stream\", \"encoding\": null}"');
INSERT INTO "trial_system_attributes" VALUES(3,3,'constraints:budget','-0.5228571428571429');
INSERT INTO "trial_system_attributes" VALUES(4,3,'artifacts:21fca3e6-f452-4213-aecd-bfd747dbac88','"{\"artifact_id\": \"21fca3e6-f452-4213-aecd-bfd747dbac88\", \"filename\": \"trial-1.safetensors\", \"mimetype\": \"application/octet-stream\", \"encoding\": null}"');
INSERT INTO "trial_system_attributes" VALUES(5,5,'constraints:budget','-0.21285714285714286');
INSERT INTO "trial_system_attributes" VALUES(6,5,'artifacts:54c47919-5451-4cd4-be47-56088acffae2','"{\"artifact_id\": \"54c47919-5451-4cd4-be47-56088acffae2\", \"filename\": \"trial-2.safetensors\", \"mimetype\": \"application/octet-stream\", \"encoding\": null}"');
INSERT INTO "trial_system_attributes" VALUES(7,7,'constraints:budget','-0.4842857142857143');
CREATE TABLE trial_user_attributes (
	trial_user_attribute_id INTEGER NOT NULL, 
	trial_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (trial_user_attribute_id), 
	UNIQUE (trial_id, "key"), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_user_attributes" VALUES(1,1,'num_params','466');
INSERT INTO "trial_user_attributes" VALUES(2,1,'notation','"3s:brd0.01 sep3s:brd0.01 ap 3s:brd0.01 3s:brd0.01 ap sep4s:brd0.01 sep4v:brd0.01 sep4v:brd0.01 gap fc10+"');
INSERT INTO "trial_user_attributes" VALUES(3,1,'candidate','{"notation": "3s:brd0.01 sep3s:brd0.01 ap 3s:brd0.01 3s:brd0.01 ap sep4s:brd0.01 sep4v:brd0.01 sep4v:brd0.01 gap fc10+", "architecture": [{"kind": "conv", "width": 3, "kernel": 3, "padding": 1, "bias": false, "ops": "br", "dropout": 0.01, "dropout2d": false}, {"kind": "conv", "width": 3, "kernel": 3, "padding": 1, "bias": false, "ops": "br", "dropout": 0.01, "dropout2d": false, "separable": true}, {"kind": "average_pool", "size": 2}, {"kind": "conv", "width": 3, "kernel": 3, "padding": 1, "bias": false, "ops": "br", "dropout": 0.01, "dropout2d": false}, {"kind": "conv", "width": 3, "kernel": 3, "padding": 1, "bias": false, "ops": "br", "dropout": 0.01, "dropout2d": false}, {"kind": "average_pool", "size": 2}, {"kind": "conv", "width": 4, "kernel": 3, "padding": 1, "bias": false, "ops": "br", "dropout": 0.01, "dropout2d": false, "separable": true}, {"kind": "conv", "width": 4, "kernel": 3, "padding": 0, "bias": false, "ops": "br", "dropout": 0.01, "dropout2d": false, "separable": true}, {"kind": "conv", "width": 4, "kernel": 3, "padding": 0, "bias": false, "ops": "br", "dropout": 0.01, "dropout2d": false, "separable": true}, {"kind": "gap"}, {"kind": "linear", "width": 10, "bias": true, "relu": false}], "training": {"epochs": 3, "batch_size": 64, "optimizer": "sgd", "schedule": "one_cycle", "max_lr": 0.2907451884035, "pct_start": 0.2, "div_factor": 25.0, "final_div_factor": 10000.0, "anneal": "cos", "lr_factor": 0.1, "lr_step": 5, "lr_patience": 10, "plateau_on": "val_loss", "momentum": 0.9, "peak_momentum": null, "nesterov": true, "weight_decay": 3.0328115365785665e-05, "label_smoothing": 0.0, "clip_norm": null, "rotation": 9.847936088376837, "translation": 0.04923968044188419, "scale": 0.09847936088376838, "plain_epochs": 1, "precise_batch_norm": true, "pixel_mean": null, "pixel_std": null, "stop_accuracy": null, "patience": null}}');
INSERT INTO "trial_user_attributes" VALUES(4,1,'candidate_key','"f79b3565b403dca6"');
INSERT INTO "trial_user_attributes" VALUES(5,1,'run','{"sampler": "tpe", "pruner": "size-aware", "device": "cpu", "engine": "torch-bfloat16", "workers": 1, "timeout": null}');
INSERT INTO "trial_user_attributes" VALUES(6,1,'seed','1576890651');
INSERT INTO "trial_user_attributes" VALUES(7,1,'num_epochs','3');
INSERT INTO "trial_user_attributes" VALUES(8,1,'seconds','1.9029479559976608');
INSERT INTO "trial_user_attributes" VALUES(9,1,'val_accuracy','0.18');
INSERT INTO "trial_user_attributes" VALUES(10,1,'val_balanced_accuracy','0.1781720430107527');
INSERT INTO "trial_user_attributes" VALUES(11,1,'val_accuracy_spread','0.07666666666666666');
INSERT INTO "trial_user_attributes" VALUES(12,1,'weights','"e4f93c8f-3d18-46cf-8b66-20b8ab6308fa"');
INSERT INTO "trial_user_attributes" VALUES(13,1,'weights_sha256','"4afacb6240ac496ffab593b3b7f2b31ca210e7ae20b19f3cd4f0129deeb91ef1"');
INSERT INTO "trial_user_attributes" VALUES(14,1,'outcome','"complete"');
INSERT INTO "trial_user_attributes" VALUES(15,2,'trial','0');
INSERT INTO "trial_user_attributes" VALUES(16,2,'notation','"3s:brd0.01 sep3s:brd0.01 ap 3s:brd0.01 3s:brd0.01 ap sep4s:brd0.01 sep4v:brd0.01 sep4v:brd0.01 gap fc10+"');
INSERT INTO "trial_user_attributes" VALUES(17,3,'num_params','334');
INSERT INTO "trial_user_attributes" VALUES(18,3,'notation','"4s:brd0.03 ap sep4s:brd0.03 sep4s:brd0.03 ap sep4v:brd0.03 sep4v:brd0.03 gap fc10+"');
INSERT INTO "trial_user_attributes" VALUES(19,3,'candidate','{"notation": "4s:brd0.03 ap sep4s:brd0.03 sep4s:brd0.03 ap sep4v:brd0.03 sep4v:brd0.03 gap fc10+", "architecture": [{"kind": "conv", "width": 4, "kernel": 3, "padding": 1, "bias": false, "ops": "br", "dropout": 0.03, "dropout2d": false}, {"kind": "average_pool", "size": 2}, {"kind": "conv", "width": 4, "kernel": 3, "padding": 1, "bias": false, "ops": "br", "dropout": 0.03, "dropout2d": false, "separable": true}, {"kind": "conv", "width": 4, "kernel": 3, "padding": 1, "bias": false, "ops": "br", "dropout": 0.03, "dropout2d": false, "separable": true}, {"kind": "average_pool", "size": 2}, {"kind": "conv", "width": 4, "kernel": 3, "padding": 0, "bias": false, "ops": "br", "dropout": 0.03, "dropout2d": false, "separable": true}, {"kind": "conv", "width": 4, "kernel": 3, "padding": 0, "bias": false, "ops": "br", "dropout": 0.03, "dropout2d": false, "separable": true}, {"kind": "gap"}, {"kind": "linear", "width": 10, "bias": true, "relu": false}], "training": {"epochs": 3, "batch_size": 32, "optimizer": "sgd", "schedule": "one_cycle", "max_lr": 0.054447830256155405, "pct_start": 0.2, "div_factor": 25.0, "final_div_factor": 10000.0, "anneal": "cos", "lr_factor": 0.1, "lr_step": 5, "lr_patience": 10, "plateau_on": "val_loss", "momentum": 0.9, "peak_momentum": null, "nesterov": true, "weight_decay": 1.903153020696975e-05, "label_smoothing": 0.0, "clip_norm": null, "rotation": 10.390528291027232, "translation": 0.051952641455136166, "scale": 0.10390528291027233, "plain_epochs": 1, "precise_batch_norm": true, "pixel_mean": null, "pixel_std": null, "stop_accuracy": null, "patience": null}}');
INSERT INTO "trial_user_attributes" VALUES(20,3,'candidate_key','"c45f5a8a5caef7ed"');
INSERT INTO "trial_user_attributes" VALUES(21,3,'run','{"sampler": "tpe", "pruner": "size-aware", "device": "cpu", "engine": "torch-bfloat16", "workers": 1, "timeout": null}');
INSERT INTO "trial_user_attributes" VALUES(22,3,'seed','457190280');
INSERT INTO "trial_user_attributes" VALUES(23,3,'num_epochs','3');
INSERT INTO "trial_user_attributes" VALUES(24,3,'seconds','1.184642886997608');
INSERT INTO "trial_user_attributes" VALUES(25,3,'val_accuracy','0.1');
INSERT INTO "trial_user_attributes" VALUES(26,3,'val_balanced_accuracy','0.1');
INSERT INTO "trial_user_attributes" VALUES(27,3,'val_accuracy_spread','0.003333333333333341');
INSERT INTO "trial_user_attributes" VALUES(28,3,'weights','"21fca3e6-f452-4213-aecd-bfd747dbac88"');
INSERT INTO "trial_user_attributes" VALUES(29,3,'weights_sha256','"ea8ebfb4dbd9b14edaafcad84cbec54a7c67c17512c83747b997165267be8891"');
INSERT INTO "trial_user_attributes" VALUES(30,3,'outcome','"complete"');
INSERT INTO "trial_user_attributes" VALUES(31,4,'trial','1');
INSERT INTO "trial_user_attributes" VALUES(32,4,'notation','"4s:brd0.03 ap sep4s:brd0.03 sep4s:brd0.03 ap sep4v:brd0.03 sep4v:brd0.03 gap fc10+"');
INSERT INTO "trial_user_attributes" VALUES(33,5,'num_params','551');
INSERT INTO "trial_user_attributes" VALUES(34,5,'notation','"3s:brd0.01 sep3s:brd0.01 ap 3s:brd0.01 3s:brd0.01 4s:brd0.01 ap sep4v:brd0.01 sep5v:brd0.01 gap fc10+"');
INSERT INTO "trial_user_attributes" VALUES(35,5,'candidate','{"notation": "3s:brd0.01 sep3s:brd0.01 ap 3s:brd0.01 3s:brd0.01 4s:brd0.01 ap sep4v:brd0.01 sep5v:brd0.01 gap fc10+", "architecture": [{"kind": "conv", "width": 3, "kernel": 3, "padding": 1, "bias": false, "ops": "br", "dropout": 0.01, "dropout2d": false}, {"kind": "conv", "width": 3, "kernel": 3, "padding": 1, "bias": false, "ops": "br", "dropout": 0.01, "dropout2d": false, "separable": true}, {"kind": "average_pool", "size": 2}, {"kind": "conv", "width": 3, "kernel": 3, "padding": 1, "bias": false, "ops": "br", "dropout": 0.01, "dropout2d": false}, {"kind": "conv", "width": 3, "kernel": 3, "padding": 1, "bias": false, "ops": "br", "dropout": 0.01, "dropout2d": false}, {"kind": "conv", "width": 4, "kernel": 3, "padding": 1, "bias": false, "ops": "br", "dropout": 0.01, "dropout2d": false}, {"kind": "average_pool", "size": 2}, {"kind": "conv", "width": 4, "kernel": 3, "padding": 0, "bias": false, "ops": "br", "dropout": 0.01, "dropout2d": false, "separable": true}, {"kind": "conv", "width": 5, "kernel": 3, "padding": 0, "bias": false, "ops": "br", "dropout": 0.01, "dropout2d": false, "separable": true}, {"kind": "gap"}, {"kind": "linear", "width": 10, "bias": true, "relu": false}], "training": {"epochs": 3, "batch_size": 32, "optimizer": "sgd", "schedule": "one_cycle", "max_lr": 0.2287972684778946, "pct_start": 0.2, "div_factor": 25.0, "final_div_factor": 10000.0, "anneal": "cos", "lr_factor": 0.1, "lr_step": 5, "lr_patience": 10, "plateau_on": "val_loss", "momentum": 0.9, "peak_momentum": null, "nesterov": true, "weight_decay": 1.7297039760036772e-05, "label_smoothing": 0.0, "clip_norm": null, "rotation": 10.677172705618878, "translation": 0.05338586352809439, "scale": 0.10677172705618879, "plain_epochs": 1, "precise_batch_norm": true, "pixel_mean": null, "pixel_std": null, "stop_accuracy": null, "patience": null}}');
INSERT INTO "trial_user_attributes" VALUES(36,5,'candidate_key','"3b5daeddb1fb802a"');
INSERT INTO "trial_user_attributes" VALUES(37,5,'run','{"sampler": "tpe", "pruner": "size-aware", "device": "cpu", "engine": "torch-bfloat16", "workers": 1, "timeout": null}');
INSERT INTO "trial_user_attributes" VALUES(38,5,'seed','960329833');
INSERT INTO "trial_user_attributes" VALUES(39,5,'num_epochs','3');
INSERT INTO "trial_user_attributes" VALUES(40,5,'seconds','1.6490025059974869');
INSERT INTO "trial_user_attributes" VALUES(41,5,'val_accuracy','0.16333333333333333');
INSERT INTO "trial_user_attributes" VALUES(42,5,'val_balanced_accuracy','0.16333333333333333');
INSERT INTO "trial_user_attributes" VALUES(43,5,'val_accuracy_spread','0.06333333333333332');
INSERT INTO "trial_user_attributes" VALUES(44,5,'weights','"54c47919-5451-4cd4-be47-56088acffae2"');
INSERT INTO "trial_user_attributes" VALUES(45,5,'weights_sha256','"8ff5d9c08898f2a09438a7c4ff8eca8271529251b50c68d94dcefb639e179c52"');
INSERT INTO "trial_user_attributes" VALUES(46,5,'outcome','"complete"');
INSERT INTO "trial_user_attributes" VALUES(47,6,'trial','2');
INSERT INTO "trial_user_attributes" VALUES(48,6,'notation','"3s:brd0.01 sep3s:brd0.01 ap 3s:brd0.01 3s:brd0.01 4s:brd0.01 ap sep4v:brd0.01 sep5v:brd0.01 gap fc10+"');
INSERT INTO "trial_user_attributes" VALUES(49,7,'num_params','361');
INSERT INTO "trial_user_attributes" VALUES(50,7,'notation','"3s:br 3s:br ap sep3s:br sep3s:br ap sep4v:br sep4v:br gap fc10+"');
INSERT INTO "trial_user_attributes" VALUES(51,7,'candidate','{"notation": "3s:br 3s:br ap sep3s:br sep3s:br ap sep4v:br sep4v:br gap fc10+", "architecture": [{"kind": "conv", "width": 3, "kernel": 3, "padding": 1, "bias": false, "ops": "br", "dropout": 0.0, "dropout2d": false}, {"kind": "conv", "width": 3, "kernel": 3, "padding": 1, "bias": false, "ops": "br", "dropout": 0.0, "dropout2d": false}, {"kind": "average_pool", "size": 2}, {"kind": "conv", "width": 3, "kernel": 3, "padding": 1, "bias": false, "ops": "br", "dropout": 0.0, "dropout2d": false, "separable": true}, {"kind": "conv", "width": 3, "kernel": 3, "padding": 1, "bias": false, "ops": "br", "dropout": 0.0, "dropout2d": false, "separable": true}, {"kind": "average_pool", "size": 2}, {"kind": "conv", "width": 4, "kernel": 3, "padding": 0, "bias": false, "ops": "br", "dropout": 0.0, "dropout2d": false, "separable": true}, {"kind": "conv", "width": 4, "kernel": 3, "padding": 0, "bias": false, "ops": "br", "dropout": 0.0, "dropout2d": false, "separable": true}, {"kind": "gap"}, {"kind": "linear", "width": 10, "bias": true, "relu": false}], "training": {"epochs": 3, "batch_size": 32, "optimizer": "sgd", "schedule": "one_cycle", "max_lr": 0.10158103052750626, "pct_start": 0.2, "div_factor": 25.0, "final_div_factor": 10000.0, "anneal": "cos", "lr_factor": 0.1, "lr_step": 5, "lr_patience": 10, "plateau_on": "val_loss", "momentum": 0.9, "peak_momentum": null, "nesterov": true, "weight_decay": 8.133157427320286e-05, "label_smoothing": 0.0, "clip_norm": null, "rotation": 11.080127554766804, "translation": 0.05540063777383402, "scale": 0.11080127554766804, "plain_epochs": 1, "precise_batch_norm": true, "pixel_mean": null, "pixel_std": null, "stop_accuracy": null, "patience": null}}');
INSERT INTO "trial_user_attributes" VALUES(52,7,'candidate_key','"d6a35a3084c83924"');
INSERT INTO "trial_user_attributes" VALUES(53,7,'run','{"sampler": "tpe", "pruner": "size-aware", "device": "cpu", "engine": "torch-bfloat16", "workers": 1, "timeout": null}');
INSERT INTO "trial_user_attributes" VALUES(54,7,'seed','4253259675');
CREATE TABLE trial_values (
	trial_value_id INTEGER NOT NULL, 
	trial_id INTEGER NOT NULL, 
	objective INTEGER NOT NULL, 
	value FLOAT, 
	value_type VARCHAR(7) NOT NULL, 
	PRIMARY KEY (trial_value_id), 
	UNIQUE (trial_id, objective), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_values" VALUES(1,1,0,0.18,'FINITE');
INSERT INTO "trial_values" VALUES(2,1,1,466.0,'FINITE');
INSERT INTO "trial_values" VALUES(3,2,0,0.18,'FINITE');
INSERT INTO "trial_values" VALUES(4,3,0,0.1,'FINITE');
INSERT INTO "trial_values" VALUES(5,3,1,334.0,'FINITE');
INSERT INTO "trial_values" VALUES(6,4,0,0.1,'FINITE');
INSERT INTO "trial_values" VALUES(7,5,0,1.63333333333333330372e-01,'FINITE');
INSERT INTO "trial_values" VALUES(8,5,1,551.0,'FINITE');
INSERT INTO "trial_values" VALUES(9,6,0,1.63333333333333330372e-01,'FINITE');
CREATE TABLE trials (
	trial_id INTEGER NOT NULL, 
	number INTEGER, 
	study_id INTEGER, 
	state VARCHAR(8) NOT NULL, 
	datetime_start DATETIME, 
	datetime_complete DATETIME, 
	PRIMARY KEY (trial_id), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO "trials" VALUES(1,0,1,'COMPLETE','2026-11-28 07:09:06.560290','2026-11-28 07:09:20.915088');
INSERT INTO "trials" VALUES(2,0,2,'COMPLETE','2026-11-28 07:09:06.560290','2026-11-28 07:09:20.915088');
INSERT INTO "trials" VALUES(3,1,1,'COMPLETE','2026-11-28 07:09:21.334721','2026-11-28 07:09:23.074677');
INSERT INTO "trials" VALUES(4,1,2,'COMPLETE','2026-11-28 07:09:21.334721','2026-11-28 07:09:23.074677');
INSERT INTO "trials" VALUES(5,2,1,'COMPLETE','2026-11-28 07:09:23.318640','2026-11-28 07:09:25.565364');
INSERT INTO "trials" VALUES(6,2,2,'COMPLETE','2026-11-28 07:09:23.318640','2026-11-28 07:09:25.565364');
INSERT INTO "trials" VALUES(7,3,1,'RUNNING','2026-11-28 07:20:19.487654',NULL);
CREATE TABLE version_info (
	version_info_id INTEGER NOT NULL, 
	schema_version INTEGER, 
	library_version VARCHAR(256), 
	PRIMARY KEY (version_info_id), 
	CHECK (version_info_id=1)
);
INSERT INTO "version_info" VALUES(1,12,'5.0.0');
CREATE UNIQUE INDEX ix_studies_study_name ON studies (study_name);
CREATE INDEX ix_trials_study_id ON trials (study_id);
CREATE INDEX ix_trial_slots_study_name_state ON trial_slots (study_name, state);
CREATE INDEX ix_trial_slots_study_name_candidate_key ON trial_slots (study_name, candidate_key);
CREATE INDEX ix_trial_slots_study_name ON trial_slots (study_name);
CREATE INDEX ix_queued_candidates_study_name ON queued_candidates (study_name);
CREATE INDEX ix_epochs_study_name ON epochs (study_name);
CREATE INDEX ix_pareto_front_study_name ON pareto_front (study_name);
CREATE INDEX ix_confirmation_trainings_study_name ON confirmation_trainings (study_name);
CREATE INDEX ix_test_openings_study_name ON test_openings (study_name);
COMMIT;
